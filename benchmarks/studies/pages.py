"""Put the figures of results/*.json into the pages of the studies.

    python benchmarks/studies/pages.py [--check]

A page has blocks between ``<!-- NAME -->`` and ``<!-- end -->``; what stands there is made here.
With ``--check`` nothing is written, and the exit code is 1 where a page differs from its results.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PIXELS = 784  # of an MNIST image
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- (study_\d|published) (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def read(name: str) -> Any:
    """Return a result."""
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def table(header: str, rows: Iterable[Iterable[object]]) -> str:
    """Return a table of Markdown; the header's cells are parted by bars."""
    titles = [title.strip() for title in header.split("|")]
    lines = [titles, ["---"] * len(titles), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float, error: float | None, digits: int = 4) -> str:
    """Return a difference with its standard error."""
    return f"{value:+.{digits}f} ± {number(error, digits)}"


def study_1_table() -> str:
    """Likelihoods and codecs in one order of bits per pixel."""
    result, codecs = read("study_1"), read("codecs")["bits_per_pixel"]
    rows = [
        (row["bpd"], f"`{name}`", number(row["elbo"]), number(row["rate"], 1), row["seeds"])
        for name, row in result["rows"].items()
    ]
    rows += [(bits, f"**{name}**", "", "", "") for name, bits in codecs.items()]
    shown = ((what, number(bits), *rest) for bits, what, *rest in sorted(rows, key=lambda r: r[0]))
    return table(
        f"code | bits per pixel, k = {result['k']} | ELBO, bits | rate, nats | seeds", shown
    )


def study_1_pairs() -> str:
    """Paired differences."""
    pairs = read("study_1")["pairs"]
    return table(
        "b less a, bits per pixel | a | b | seeds",
        ((signed(p["mean"], p["se"]), f"`{p['a']}`", f"`{p['b']}`", p["seeds"]) for p in pairs),
    )


def study_1_file() -> str:
    """The sizes of the files beside their claims and beside what bz2 and lzma need."""
    found, codecs = read("compressed"), read("codecs")
    assert all(each["lossless"] for each in found.values())
    rows = [
        (
            each["bits_per_pixel"],
            f"{each['elbo_bits_per_pixel']:.4f}",
            f"`{name}`",
            f"{each['bytes']:,}",
        )
        for name, each in found.items()
    ]
    pixels = codecs["images"] * PIXELS
    rows += [
        (bits, "", f"**{name}**", f"{round(bits * pixels / 8):,}")
        for name, bits in codecs["bits_per_pixel"].items()
        if name in ("bz2", "lzma")
    ]
    return table(
        "file of 10,000 images | bytes | bits per pixel | -ELBO of its run",
        ((name, size, f"{bits:.4f}", claim) for bits, claim, name, size in sorted(rows)),
    )


def study_2_table() -> str:
    """The linear net on the digits beside Shannon's code, by beta."""
    points = read("study_2")["data"]["digits"]["points"]
    rows = [p for p in points if (p["scale"], p["net"]) == ("fixed", "linear")]
    return table(
        "beta | rate, exact | rate | error, exact | error | units, exact | directions | active "
        "units | above the optimum, nats | seeds",
        (
            (
                f"{p['beta']:g}",
                *(number(p[key], 2) for key in ("best_rate", "train_rate")),
                *(number(p[key], 3) for key in ("best_error", "train_error")),
                p["best_units"],
                number(p["active_directions"], 0),
                number(p["active_units"], 0),
                number(p["excess"], 2),
                p["seeds"],
            )
            for p in rows
        ),
    )


def study_2_nets() -> str:
    """Each net below or above the curve, in nats of the linear optimum's loss."""
    rows = []
    for data, kept in read("study_2")["data"].items():
        for p in kept["points"]:
            if p["scale"] == "fixed" and p["net"] != "linear":
                errors = (number(p[f"{split}_error"], 3) for split in ("train", "test"))
                rates = (number(p["train_rate"], 2), number(p["best_rate"], 2))
                gap = (number(p["best_error"], 3), *errors, f"{p['excess']:+.2f}", p["seeds"])
                rows.append((data, p["net"], f"{p['beta']:g}", *rates, *gap))
    return table(
        "data | net | beta | rate | rate of Shannon's code | its error | error, training | error, "
        "test | loss less that of the linear optimum, nats | seeds",
        rows,
    )


def study_2_choices() -> str:
    """What the training loss would have chosen."""
    rows = []
    for data, kept in read("study_2")["data"].items():
        for c in kept["choices"]:
            by_loss = (f"{c['beta_by_loss']:g}", number(c["bpd_by_loss"]))
            by_bits = (f"{c['beta_by_bpd']:g}", number(c["bpd"]))
            rows.append((data, c["scale"], c["net"], *by_loss, *by_bits, number(c["regret"])))
    return table(
        "data | sigma | net | beta by the loss | its bits | beta by bits | its bits | regret", rows
    )


def study_3_rules() -> str:
    """What each rule chooses, and what that costs."""
    rows = []
    for data, kept in read("study_3")["data"].items():
        for rule, chosen in kept["rules"].items():
            if chosen["seeds"]:
                sizes = ", ".join(str(size) for size in chosen["sizes"])
                rows.append((data, kept["known"] or "-", rule, sizes, number(chosen["regret"], 4)))
    return table("data | known answer | rule | chosen, by seed | regret, bits per dimension", rows)


def published_table() -> str:
    """What is published, and what was reached."""
    rows = []
    for row in read("published")["rows"]:
        digits = 3 if row["unit"] == "bits/dim" else 2
        error = row["se_seeds"] or row["se_images"]
        reached = row["why"] if row["reached"] is None else number(row["reached"], digits)
        reached += f" ± {number(error, digits)}" if error else ""
        seconds = row.get("cpu_seconds")
        time = "-" if seconds is None else f"{seconds / 60:.1f} min"
        epochs = ", ".join(map(str, row.get("epochs", []))) or "-"
        facts = (row["seeds"] or "-", epochs, time)
        where = (f"{row['source']}; {row['checked']}", f"`{row['command']}`")
        rows.append((row["what"], f"{row['published']:g} {row['unit']}", reached, *facts, *where))
    return table(
        "what | published | reached | seeds | epochs | processor time | source | command", rows
    )


BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("study_1", "table"): study_1_table,
    ("study_1", "pairs"): study_1_pairs,
    ("study_1", "file"): study_1_file,
    ("study_2", "table"): study_2_table,
    ("study_2", "nets"): study_2_nets,
    ("study_2", "choices"): study_2_choices,
    ("study_3", "rules"): study_3_rules,
    ("published", "table"): published_table,
}


def fill(text: str) -> str:
    """Return a page with its blocks made anew."""
    return BLOCK.sub(lambda m: f"{m[1]}\n{BLOCKS[m[2], m[3]]()}\n\n{m[4]}", text)


def main() -> int:
    """Write the pages, or compare them."""
    stale = []
    for path in sorted(DOCS.glob("*.md")):
        text = path.read_text()
        made = fill(text)
        if made != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(made)
    print("stale" if "--check" in sys.argv else "written", *stale or ["nothing"])
    return bool(stale) and "--check" in sys.argv


if __name__ == "__main__":
    raise SystemExit(main())
