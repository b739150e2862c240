"""Text of a compression: what the file is made of, in bits per dimension."""

from pathlib import Path

from vael.evaluation.verify_file import WITHIN, FileVerification
from vael.pretrained.compress.compress import Compression


def compression_text(made: Compression) -> str:
    """Describe the file line by line: words, the bound, initial bits, header, speed, memory."""
    shape = " x ".join(map(str, made.shape))
    lines = [f"{made.count:,} examples of {shape}, {made.levels} levels"]
    lines += [
        _row(made, "words", made.words, f"{made.words / made.bound - 1:+.2%} over -ELBO"),
        _row(made, "-ELBO", made.bound, "of these examples, at the z that were drawn"),
        *_rest(made),
    ]
    speed = made.count / max(made.seconds, 1e-9)
    lines.append(
        f"{speed:,.0f} examples/s, {made.seconds:.1f} s, {made.memory / 2**20:,.0f} MiB of memory"
    )
    return "\n".join(lines)


def file_verification_text(run: Path, found: FileVerification) -> str:
    """Describe a claim and the file that was held against it, line by line."""
    made = found.made
    source = f"{found.split}/elbo of summary.json"
    if found.claim is None:
        source = f"measured now: the run was trained on a density, {source} is one, too"
    lines = [
        _row(made, "-ELBO", found.bound, source),
        _row(made, "words", made.words, f"{found.excess:+.2%} without the initial bits"),
        *_rest(made),
        f"{found.equal:,} of {made.count:,} examples came back from another process, equal to the "
        "last level",
    ]
    if found.same:
        lines.append(f"same: the file of {run} is as long as its bound, within {WITHIN:.1%}")
    elif found.equal < made.count:
        lines.append(f"differs: the file of {run} does not give its examples")
    else:
        lines.append(
            f"differs: the file of {run} is not as long as its bound, within {WITHIN:.1%}"
        )
    return "\n".join(lines)


def _rest(made: Compression) -> list[str]:
    whole = made.words + made.header
    return [
        _row(made, "initial bits", made.initial, "in the words; they carry nothing"),
        _row(made, "header", made.header, "beside the words"),
        _row(made, "file", whole, f"{whole // 8:,} bytes"),
    ]


def _row(made: Compression, name: str, bits: float, note: str) -> str:
    return f"{name:<14}{made.per_dim(bits):>9.4f} bits/dim {bits:>14,.0f} bits   {note}"
