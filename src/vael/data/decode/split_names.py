"""Names that people give to splits, to examples and to labels."""

import re
from typing import Literal, NamedTuple

from vael.data.source import Split

SPLIT_NAMES: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Whole names of splits, in small letters; the usual one first."""
_SHORT: dict[str, Split] = {
    **dict.fromkeys(("tr", "trn"), "train"),
    **dict.fromkeys(("va", "vl", "vld"), "val"),
    **dict.fromkeys(("te", "tst", "ts"), "test"),
}  # of arrays, beside x or y: alone, as the name of a folder, they may be anything
VALUES = "x|data|images?|imgs?|features?|inputs?|samples?|examples?"
LABELS = "y|labels?|targets?|classes|class"
_KNOWN = SPLIT_NAMES | _SHORT
_SPLITS = "|".join(sorted(_KNOWN, key=len, reverse=True))
_NAME = re.compile(
    rf"(?:(?P<before>{VALUES}|{LABELS})[_\-. ]?)?(?P<split>{_SPLITS})"
    rf"(?:[_\-. ]?(?P<after>{VALUES}|{LABELS}))?|(?P<alone>{VALUES}|{LABELS})",
    re.IGNORECASE,
)


Kind = Literal["examples", "labels"]


class ArrayName(NamedTuple):
    """What the name of an array says that it holds."""

    kind: Kind
    split: Split


def read_array_name(name: str) -> ArrayName | None:
    """Read a name such as ``x_train``, ``X_va``, ``test_images``, ``ytest``, ``labels``.

    Returns:
        Its kind and split; None for any other name.
    """
    found = _NAME.fullmatch(name.strip())
    if found is None:
        return None
    if found["before"] and found["after"]:
        return None
    alone = not (found["before"] or found["after"])
    if found["split"] and alone and found["split"].lower() in _SHORT:
        return None
    what = found["before"] or found["after"] or found["alone"] or "x"
    split = _KNOWN[found["split"].lower()] if found["split"] else "train"
    labels = re.fullmatch(LABELS, what, re.IGNORECASE)
    return ArrayName("labels" if labels else "examples", split)
