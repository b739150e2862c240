"""Text of a verification: what was computed again, and what came out otherwise."""

from collections.abc import Sequence
from pathlib import Path

from vael.config.flat import Difference
from vael.evaluation.verify import Verification, VerifiedNumbers

SHOWN = 10  # numbers that differ, of each file and split


def verification_text(folder: Path, verification: Verification) -> str:
    """Describe what was made again, what differs and the likely reason, line by line."""
    lines = [line for part in verification.compared for line in _part(part)]
    lines += [f"not verified: {text}" for text in verification.left_out]
    elsewhere = {str(d): d for part in verification.compared for d in part.elsewhere}
    if elsewhere:
        lines += ["another machine or other versions:", *_listed(list(elsewhere.values()))]
    if verification.changed:
        lines += ["not what the run had:", *_listed(verification.changed)]
    if verification.same:
        total = sum(len(part.numbers) for part in verification.compared)
        lines.append(f"same: {folder} gives its {total} numbers again")
    else:
        causes = verification.changed or elsewhere
        reason = (
            "see above for what has changed" if causes else "nothing that was recorded has changed"
        )
        lines.append(f"differs: {folder} does not give its numbers again; {reason}")
    return "\n".join(lines)


def _part(part: VerifiedNumbers) -> list[str]:
    worst = max((number.difference for number in part.numbers), default=0.0)
    if worst == 0:
        return [f"{part.what}: {len(part.numbers)} numbers, all equal to the bit"]
    within = f"within {part.tolerance:g} (relative)"
    if not part.wrong:
        return [
            f"{part.what}: {len(part.numbers)} numbers {within}, the furthest off by {worst:.1e}"
        ]
    rest = len(part.wrong) - SHOWN
    return [
        f"{part.what}: {len(part.wrong)} of {len(part.numbers)} numbers are not {within}:",
        *(f"  {n.name}: stored {n.stored}, now {n.now}" for n in part.wrong[:SHOWN]),
        *([f"  and {rest} more"] if rest > 0 else []),
    ]


def _listed(differences: Sequence[Difference]) -> list[str]:
    return [f"  {difference}" for difference in differences]
