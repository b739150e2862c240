"""What is said of a run whose process was killed."""

import json
import signal

from helpers.runs import make_run

from vael.distributed import failures
from vael.training.postmortem import write_postmortem


def test_a_run_that_died_before_its_first_epoch_has_a_summary_and_a_report(tmp_path):
    run = make_run(tmp_path, "seed=7", "trainer.devices=2")
    write_postmortem(
        run, failures.describe_exit(0, -signal.SIGKILL, run / "none", asked=None), seconds=3.0
    )
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["status"], summary["seed"], summary["devices"]) == ("failed", 7, 2)
    assert summary["reason"].startswith("rank 0: killed by signal 9")
    assert "killed by signal 9" in (run / "report.html").read_text()


def test_what_the_first_rank_wrote_itself_stands(tmp_path):
    run = make_run(tmp_path)
    (run / "summary.json").write_text('{"status": "failed", "reason": "its own"}')
    own = failures.describe_error(LookupError("tea"), 0)
    failures.record_failure(run, own)
    write_postmortem(run, own, seconds=1.0)
    assert json.loads((run / "summary.json").read_text())["reason"] == "its own"
