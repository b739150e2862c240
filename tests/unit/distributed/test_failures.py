"""How each process of a run ended, and whom a failed run believes."""

import signal

from vael.distributed import failures
from vael.errors import NonFiniteLoss


def test_how_a_silent_rank_ended(tmp_path):
    stderr = tmp_path / "stderr"
    stderr.write_text("something\nSegmentation fault in tea\n")
    fault = failures.describe_exit(2, -signal.SIGSEGV, stderr, asked=None)
    assert str(fault) == "rank 2: killed by signal 11 (SIGSEGV): Segmentation fault in tea"
    assert (fault.code, fault.traceback) == (139, stderr.read_text())
    left = failures.describe_exit(1, 7, stderr, asked=None)
    assert (left.code, left.message) == (7, "ended with exit code 7: Segmentation fault in tea")
    asked = failures.describe_exit(0, -signal.SIGTERM, tmp_path / "none", asked=signal.SIGTERM)
    assert (asked.code, str(asked)) == (143, "stopped by SIGTERM before its first step")


def failure(rank, at, error):
    found = failures.describe_error(error, rank)
    return failures.Failure(**{**vars(found), "at": at})


def test_the_earliest_word_counts_and_rank_0_speaks_for_those_who_agree():
    bug, lost = failure(1, 5.0, LookupError("tea")), failure(0, 5.2, RuntimeError("peer"))
    assert failures.find_root_cause([bug, lost]) == bug
    assert str(bug) == "rank 1: LookupError: tea"
    nan = [failure(rank, 5.0 - rank / 10, NonFiniteLoss(f"nan {rank}")) for rank in (1, 0)]
    assert str(failures.find_root_cause(nan)) == "nan 0"
    assert failures.find_root_cause(nan).code == 3


def test_words_are_read_back_and_forgotten(tmp_path):
    found = failure(1, 5.0, LookupError("tea"))
    failures.record_failure(tmp_path, found)
    (tmp_path / failures.FOLDER / "rank_2.json").write_text("{")
    assert failures.read_failures(tmp_path, since=4) == [found]
    assert failures.read_failures(tmp_path, since=6) == []
    failures.clear_failure(tmp_path, 1)
    assert failures.read_failures(tmp_path, since=0) == []


def test_the_first_rank_says_what_it_died_of(tmp_path):
    peer = RuntimeError("[gloo/transport] Connection closed by peer")
    assert failures.explain_error(tmp_path, LookupError("tea")) == "LookupError: tea"
    assert failures.explain_error(tmp_path, peer).startswith("another rank was lost")
    failures.record_failure(tmp_path, failure(1, 5.0, LookupError("tea")))
    assert failures.explain_error(tmp_path, peer) == "rank 1: LookupError: tea"
