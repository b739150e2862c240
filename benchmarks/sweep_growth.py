"""What a search costs as it grows: time to claim, report and finish, size on disk, and waits.

    python benchmarks/sweep_growth.py [--storages journal sqlite postgres] [--counts 100 10000]
    python benchmarks/sweep_growth.py --simulate   # waits and pictures, from recorded numbers

Nothing is trained: trials are stored as a search leaves them (4 parameters, 5 reported epochs),
and at each count so many are claimed, reported and finished as a worker does it, with its files
and locks. The study's last trials, 2 or 1,000, run elsewhere, and before each claim as many have
ended and begun: `read` is what a worker takes in of that before it takes the sweep's lock, `claim`
is everything under the lock, `look` a claim that looks at all leases, too, every 6 s. The config
that a worker composes afterwards, 0.3 s and the same for any count, is left out. Processor time
is this process's; a server's stands beside it.

Then 1,000 workers are simulated, each with a processor of its own (`growing.waiting`): they train
for 5 to 15 minutes, with 5 or 25 reports, and wait for the lock and the storage. The first wave,
in which all ask at once, is counted apart.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from growing.measure import measure
from growing.picture import draw_pictures
from growing.storages import KINDS
from growing.study import EPOCHS
from growing.waiting import Queue, make_prices
from omegaconf import OmegaConf

from vael.files import write_json
from vael.sweep.spec import trial_config

RESULT = Path(__file__).parents[1] / "results" / "sweep_growth.json"
REPORTS = (5, 25)  # of a trial of ten minutes: every two minutes, or every 24 s
LATENCY_SECONDS = 0.1  # of a slow shared disk, each time that the lock is held


def main() -> None:
    """Measure, simulate, write and draw."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--storages", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--counts", nargs="+", type=int, default=[100, 300, 1000, 3000, 10000])
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=9)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    result: dict[str, Any] = {"rows": []}
    if given.out.exists():
        result = json.loads(given.out.read_text())
    trial_config.compose_trial = lambda *_: OmegaConf.create({"trainer": {"max_epochs": EPOCHS}})
    for kind in () if given.simulate else given.storages:
        kept = [row for row in result["rows"] if row["storage"] != kind]
        rows = list(measure(kind, given.counts, given.workers, given.cycles))
        result["rows"] = [*kept, *rows]
        write_json(given.out, result)
    result["queue"] = []
    for kind in KINDS:
        own = [row for row in result["rows"] if row["storage"] == kind]
        prices = make_prices([row for row in own if row["running"] == given.workers])
        for reports in REPORTS:
            for latency in (0.0, LATENCY_SECONDS):
                queue = Queue(prices, given.workers, max(given.counts), reports, latency=latency)
                found = {"storage": kind, **queue.run()}
                result["queue"].append(found)
                print(json.dumps(found), flush=True)
    write_json(given.out, result)
    draw_pictures(result["rows"], given.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()
