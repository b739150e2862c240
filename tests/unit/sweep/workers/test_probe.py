"""What the probe tells of data and devices, from a fork and from a new Python."""

import pytest

from vael.config.compose import compose_config
from vael.errors import ConfigError
from vael.sweep.workers.probe import probe_config
from vael.sweep.workers.process import ProcessStarter


@pytest.mark.parametrize("forks", [True, False])
def test_what_the_probe_sees(server, forks):
    starter = server if forks else ProcessStarter()
    facts = probe_config(compose_config(["data=digits"]), starter)
    assert (facts.levels, facts.unit) == (17, True)


def test_data_that_cannot_be_read_are_one_line(server):
    with pytest.raises(ConfigError, match=r"^[^\n]*nowhere[^\n]*$"):
        probe_config(compose_config(["data=array", "data.path=/nowhere.npz"]), server)


def test_a_probe_that_breaks_says_all_it_said(server):
    config = compose_config(["data=digits"])
    config.trainer.devices = 0
    with pytest.raises(RuntimeError, match=r"probe of data and devices failed:\n.*Traceback"):
        probe_config(config, server)
