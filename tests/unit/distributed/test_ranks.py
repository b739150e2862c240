"""Which process this is, by what each launcher sets."""

import pytest

from vael.distributed import ranks
from vael.errors import ConfigError

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "7f",
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "9",
}
SRUN = {
    "SLURM_JOB_ID": "123456",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NODELIST": "localhost,elsewhere",
}


def test_torchrun_and_srun_say_the_same():
    one, other = ranks.find_rank(TORCHRUN), ranks.find_rank(SRUN)
    for place in (one, other):
        assert (place.rank, place.world, place.local, place.node, place.nodes) == (3, 4, 1, 1, 2)
    assert (one.address, one.port, one.name) == ("a", 9, "7f")
    assert (other.address, other.port, other.name) == ("localhost", 15000 + 3456, "123456")


def test_torchrun_within_srun_is_torchrun():
    assert ranks.find_rank({**SRUN, **TORCHRUN}).launcher == "torchrun"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLURM_JOB_ID": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"},
        {**SRUN, "SLURM_STEP_NUM_TASKS": "1"},
        {"NODE_RANK": "1"},
    ],
    ids=["shell", "job script", "step of one task", "node"],
)
def test_here_the_processes_are_ours_to_start(environ):
    assert ranks.find_rank(environ) is None


def test_a_later_step_of_a_job_has_a_name_and_a_port_of_its_own():
    later = ranks.find_rank({**SRUN, "SLURM_STEP_ID": "2"})
    assert later.name == "123456.2"
    assert later.port != ranks.find_rank(SRUN).port


@pytest.mark.parametrize(
    ("listed", "first"), [("gpu[05-07,9],cpu1", "gpu05"), ("n[3]", "n3"), ("a-b-[1,5]", "a-b-1")]
)
def test_the_first_node_of_a_list_must_have_an_address(listed, first, monkeypatch):
    asked = []
    monkeypatch.setattr(ranks.socket, "getaddrinfo", lambda name, port: asked.append(name))
    assert ranks.find_rank({**SRUN, "SLURM_STEP_NODELIST": listed}).address == first
    assert asked == [first]

    def fail(name, port):
        raise OSError("unknown")

    monkeypatch.setattr(ranks.socket, "getaddrinfo", fail)
    with pytest.raises(ConfigError, match=f"'{first}'.*unknown.*MASTER_ADDR"):
        ranks.find_rank({**SRUN, "SLURM_STEP_NODELIST": listed})


def test_a_launcher_that_says_too_little_is_named():
    with pytest.raises(ConfigError, match="must also set RANK and WORLD_SIZE"):
        ranks.find_rank({"LOCAL_RANK": "0", "MASTER_ADDR": "a", "MASTER_PORT": "1"})


def test_first_is_known_without_a_launcher_too():
    assert ranks.is_first_rank({})
    assert not ranks.is_first_rank({"NODE_RANK": "1"})
    assert not ranks.is_first_rank(TORCHRUN)


def test_another_size_says_what_to_give():
    with pytest.raises(ConfigError, match=r"give trainer.devices=2 trainer.num_nodes=2"):
        ranks.check_ranks(ranks.find_rank(TORCHRUN), devices=4, num_nodes=1)
    ranks.check_ranks(ranks.find_rank(TORCHRUN), devices=2, num_nodes=2)


@pytest.mark.parametrize("junk", ["abc", "-1", "1.5", "", "0x1", "\u0663"])
@pytest.mark.parametrize(
    ("launcher", "name"),
    [
        *((TORCHRUN, n) for n in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")),
        *((TORCHRUN, n) for n in ("LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK")),
        *((SRUN, n) for n in ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS")),
        *((SRUN, n) for n in ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "MASTER_PORT")),
        ({}, "NODE_RANK"),
    ],
)
def test_a_variable_that_is_no_number_is_named(launcher, name, junk):
    environ = {**launcher, name: junk}
    with pytest.raises(ConfigError, match=rf"environment's {name} must be a whole number >= 0"):
        ranks.find_rank(environ) if launcher else ranks.read_count(environ, name, 0)
    assert ranks.is_first_rank(environ)  # somebody must say so


def test_a_variable_that_srun_always_sets_may_not_be_missing():
    for name in ("SLURM_JOB_ID", "SLURM_LOCALID", "SLURM_NODEID"):
        with pytest.raises(ConfigError, match=f"environment's {name} must be .*got ''"):
            ranks.find_rank({k: v for k, v in SRUN.items() if k != name})
    assert ranks.find_rank({**TORCHRUN, "LOCAL_WORLD_SIZE": "0"}).nodes is None
