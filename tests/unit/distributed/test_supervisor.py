"""What a run is said to have failed of, where several of its ranks end badly."""

import signal

from vael.distributed import failures
from vael.distributed.supervisor import _Team
from vael.errors import NonFiniteLoss


def test_a_rank_that_is_killed_in_leaving_has_told_before_what_it_failed_of(tmp_path):
    team = _Team(tmp_path, 2, 1, 0)
    folder = tmp_path / failures.FOLDER
    folder.mkdir()
    (folder / "rank_1.stderr").write_text("terminate called without an active exception\n")
    codes = {0: None, 1: -signal.SIGABRT}
    cause = team._root_cause(codes)
    assert (cause.rank, cause.code) == (1, 134)
    assert "SIGABRT" in cause.message
    nan = failures.describe_error(NonFiniteLoss("the loss is NaN"), 1)
    failures.record_failure(tmp_path, nan)
    assert team._root_cause(codes) == nan
    other = team._root_cause({0: -signal.SIGKILL, 1: -signal.SIGABRT})
    assert (other.rank, other.code) == (0, 137)
