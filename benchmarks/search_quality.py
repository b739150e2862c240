"""How good a search is: which sampler and pruner find the best for the fewest epochs.

    python benchmarks/search_quality.py record random:8 unpruned:20 [--workers 2] [--minutes 600]

`record` runs whole studies of sweeps/latent_beta_likelihood.yaml (digits) with `vael sweep` and
keeps every learning curve in results/search_quality/; it goes on where it was interrupted. Kinds:

- random: 50 random configurations, no pruner;
- unpruned: the file's sampler and budget, no pruner;
- shipped: as the file says.

    python benchmarks/search_quality.py compare [--seeds 20] [--only REGEX] [--workers 2]

`compare` lets each sampler and pruner search the landscape of those curves, without training;
`show` prints the tables of docs/search_defaults.md and draws its picture.
"""

import argparse
import re
from pathlib import Path

import yaml
from searching import compare, record, recorded, regret
from searching.records import read_records

ROOT = Path(__file__).parents[1]
SEARCH = ROOT / "sweeps" / "latent_beta_likelihood.yaml"
RECORDS = ROOT / "results" / "search_quality"


def _wanted(text: str) -> tuple[str, int]:
    kind, _, count = text.partition(":")
    if kind not in record.KINDS or not count.isdigit():
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(record.KINDS)}, then :COUNT")
    return kind, int(count)


def main() -> None:
    """Runs the part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parts = parser.add_subparsers(dest="part", required=True)
    recording = parts.add_parser("record", help="run studies and keep their curves")
    recording.add_argument("kinds", nargs="+", type=_wanted, help="KIND:COUNT")
    recording.add_argument("--file", type=Path, default=SEARCH)
    recording.add_argument("--workers", type=int, default=2, help="of all studies together")
    recording.add_argument("--each", type=int, default=2, help="workers of one study")
    recording.add_argument("--skip", type=int, default=0, help="seeds recorded elsewhere")
    recording.add_argument("--trials", type=int, help="of each study; default: as the kind has")
    recording.add_argument("--minutes", type=float, default=600)
    recording.add_argument("--out", type=Path, default=RECORDS)
    recording.add_argument("--work", type=Path, default=ROOT / "outputs" / "search_quality")
    recording.add_argument("--set", nargs="*", default=[], help="settings of all trials")
    comparing = parts.add_parser("compare", help="search the landscape of the recorded curves")
    comparing.add_argument("--seeds", type=int, default=20)
    comparing.add_argument("--workers", type=int, default=2)
    comparing.add_argument("--only", default="", help="pairs that this expression matches whole")
    comparing.add_argument("--records", type=Path, default=RECORDS)
    comparing.add_argument("--out", type=Path, default=RECORDS / "replayed.json")
    showing = parts.add_parser("show", help="the tables, and the picture of what was compared")
    showing.add_argument("--records", type=Path, default=RECORDS)
    showing.add_argument("--replayed", type=Path, default=RECORDS / "replayed.json")
    showing.add_argument("--picture", type=Path, default=ROOT / "docs" / "search_quality.svg")
    options = parser.parse_args()
    if options.part == "show":
        print(recorded.rank_table(compare.read_configurations(options.records)))
        print(recorded.pruner_table(read_records(options.records, "unpruned")))
        replays = compare.read_replays(options.replayed)
        print(regret.table(regret.summarize(replays)))
        regret.draw(replays, options.picture)
        return
    if options.part == "compare":
        pairs = [
            one for one in compare.PAIRS if re.fullmatch(options.only or ".*", " / ".join(one))
        ]
        compare.compare(
            options.records, SEARCH, pairs, options.seeds, options.out, options.workers
        )
        return
    plain = yaml.safe_load(options.file.read_text())
    studies = record.plan_studies(plain, options.kinds, options.skip, options.work, options.out)
    for one in studies:
        one.plain["trials"] = options.trials or one.plain["trials"]
    record.record(studies, options.workers, options.each, options.minutes, options.set)


if __name__ == "__main__":
    main()
