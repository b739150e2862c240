#!/usr/bin/env bash
# A SLURM of two nodes on this one machine, for tests; as root or as an ordinary user.
#
#   apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge
#   bash slurm.sh start FOLDER;  export SLURM_CONF=FOLDER/slurm.conf;  srun -N2 hostname
#   bash slurm.sh stop FOLDER
#
# Keys, sockets, state and logs live in FOLDER, on ports of its own, beside any real SLURM.
# Each node has two "GPUs", character devices: plain files would leave CUDA_VISIBLE_DEVICES empty.
set -euo pipefail
verb=${1:?start or stop}
folder=$(realpath -m "${2:?an empty folder}")
PATH=$PATH:/usr/sbin:/sbin

ours() { # the daemons of this folder; never a stranger who has got an old number
  for file in "$folder"/run/*.pid; do
    [ -e "$file" ] || continue
    if tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$file")/cmdline" | grep -q "$folder"; then
      cat "$file"
    fi
  done
}

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

stop() {
  kill $(ours) 2>/dev/null || true
  for _ in $(seq 30); do [ -z "$(ours)" ] && return; sleep 0.1; done
  kill -9 $(ours) 2>/dev/null || true
}

start() {
  [ -z "$(ls -A "$folder" 2>/dev/null)" ] || { echo "$folder is not empty" >&2; exit 2; }
  for program in munged slurmctld slurmd sinfo; do
    command -v $program >/dev/null || { echo "$program is not installed" >&2; exit 3; }
  done
  mkdir -p "$folder"/{run,log,state,spool/n1,spool/n2}
  trap 'code=$?; [ $code = 0 ] || { tail -n 5 "$folder"/log/*.log >&2; stop; }' EXIT
  local host port
  host=$(hostname -s)
  port=$((20000 + $$ % 4000 * 3))
  while taken $port || taken $((port + 1)) || taken $((port + 2)); do port=$((port + 3)); done

  mkdir -m 755 "$folder/munge"
  (umask 077 && head -c 128 /dev/urandom >"$folder/munge/key")
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" \
    --seed-file="$folder/munge/seed"

  cat >"$folder/slurm.conf" <<EOF
ClusterName=vael
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
# cred_expire: a requeued job waits as long, two minutes by default
# no cgroups, no accounting, no switch: a container has none of them
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
ReturnToService=2
KillWait=5
SlurmdTimeout=12
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 Gres=gpu:2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 Gres=gpu:2
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=60
EOF
  cat >"$folder/gres.conf" <<EOF
NodeName=n1 Name=gpu File=/dev/null
NodeName=n1 Name=gpu File=/dev/zero
NodeName=n2 Name=gpu File=/dev/full
NodeName=n2 Name=gpu File=/dev/urandom
EOF
  echo CgroupAutomount=no >"$folder/cgroup.conf"
  export SLURM_CONF=$folder/slurm.conf
  slurmctld -c -f "$SLURM_CONF"
  for node in n1 n2; do slurmd -N $node -c -f "$SLURM_CONF"; done
  for _ in $(seq 1000); do
    [ "$(sinfo -h -o %T | sort -u)" = idle ] && return
    sleep 0.1
  done
  echo "the nodes are not idle after 100 s: $(sinfo -h -N -o '%N %T')" >&2
  exit 4
}

"$verb"
