#!/usr/bin/env bash
# A PostgreSQL of its own for tests; as root (then it runs as the user postgres) or as anybody.
#
#   apt-get install -y --no-install-recommends postgresql
#   bash postgres.sh start FOLDER PORT [PASSWORD]   the first time makes the data base "vael"
#   bash postgres.sh stop FOLDER                    at once, as in a crash; start brings it back
#
# Data and log live in FOLDER; it listens on 127.0.0.1:PORT, for user vael with the password.
set -euo pipefail
verb=${1:?start or stop}
folder=$(realpath -m "${2:?a folder}")
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -n "$bin" ] || { echo "PostgreSQL is not installed" >&2; exit 3; }

as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

stop() { as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null; }

start() {
  local port=${3:?a port} password=${4:-vael}
  if [ ! -e "$folder/data" ]; then
    mkdir -p "$folder"
    printf '%s' "$password" >"$folder/password"
    [ "$(id -u)" != 0 ] || chown -R postgres "$folder"
    as_owner "$bin/initdb" -D "$folder/data" -U vael --pwfile="$folder/password" \
      --auth=scram-sha-256 --no-sync -E UTF8 --locale=C >/dev/null
  fi
  as_owner "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 150 \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" \
    start >/dev/null || { tail -n 5 "$folder/log" >&2; exit 4; }
  PGPASSWORD=$password "$bin/createdb" -h 127.0.0.1 -p "$port" -U vael vael 2>/dev/null || true
}

"$verb" "$@"
