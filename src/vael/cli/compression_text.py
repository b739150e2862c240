"""Text of a compression: what the file is made of, in bits per dimension."""

from vael.pretrained.compress.compress import Compression


def compression_text(made: Compression) -> str:
    """Describe the file line by line: words, the bound, initial bits, header, speed, memory."""
    rows = [
        ("words", made.words, f"{made.words / made.bound - 1:+.2%} over -ELBO"),
        ("-ELBO", made.bound, "of these examples, at the z that were drawn"),
        ("initial bits", made.initial, "in the words; they carry nothing"),
        ("header", made.header, "beside the words"),
        ("file", made.words + made.header, f"{(made.words + made.header) // 8:,} bytes"),
    ]
    shape = " x ".join(map(str, made.shape))
    lines = [f"{made.count:,} examples of {shape}, {made.levels} levels"]
    lines += [
        f"{name:<14}{made.per_dim(bits):>9.4f} bits/dim {bits:>14,.0f} bits   {note}"
        for name, bits, note in rows
    ]
    speed = made.count / max(made.seconds, 1e-9)
    lines.append(
        f"{speed:,.0f} examples/s, {made.seconds:.1f} s, {made.memory / 2**20:,.0f} MiB of memory"
    )
    return "\n".join(lines)
