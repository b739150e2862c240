"""What the headers of pictures say: size, channels, bits, frames, and which cannot be read."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vael.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# What Pillow's modes hold besides those: https://pillow.readthedocs.io (Concepts, Modes)
PLAIN = {
    **dict.fromkeys(("1", "I", "I;16", "I;16B", "I;16L"), "L"),
    **dict.fromkeys(("P", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"), "RGB"),
    "PA": "RGBA",
    **{mode: mode for mode in CHANNELS},
}
CONVERTED = {"CMYK", "YCbCr", "LAB", "HSV"}
DEEP_GREY = ("I", "I;16", "I;16B", "I;16L")
DEEP = 65536
SHOWN = 5


@dataclass
class Survey:
    """What was found in the pictures of one or more splits, each kind with the names of its files.

    Attributes:
        where: what the pictures are, for messages.
        modes: number of pictures by L or RGB, without alpha.
        first: name of the first picture of each of these modes.
        found: names by kind: alpha, frames, converted, deep (16 bits of grey) and cut (16 bits of
            colour, of which Pillow reads 8).
        broken: reason by name.
    """

    where: str
    modes: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, picture: "Picture", name: str) -> None:
        """Take up the header of one picture.

        Raises:
            DataError: a kind of pixels that none of the four modes holds.
        """
        if picture.mode not in PLAIN:
            raise DataError(
                f"{self.where}, {name}: a picture must be grey or colour, got Pillow's mode "
                f"{picture.mode}; save numbers that are not grey with numpy.save (data=array)"
            )
        plain = PLAIN[picture.mode]
        base = plain.rstrip("A")
        self.modes[base] += 1
        self.first.setdefault(base, name)
        deep = picture.mode in DEEP_GREY
        kinds = {
            "alpha": plain.endswith("A") or "transparency" in picture.info,
            "frames": _has_frames(picture),
            "converted": picture.mode in CONVERTED,
            "deep": deep,
            "cut": not deep and _is_cut(picture),
        }
        for kind, holds in kinds.items():
            if holds:
                self.found.setdefault(kind, []).append(name)

    def choose_mode(self, channels: int | None) -> str:
        """Return the mode that all pictures get: colour where one has it; alpha on request."""
        if channels is not None:
            return next(mode for mode, count in CHANNELS.items() if count == channels)
        return "RGB" if self.modes["RGB"] else "L"

    def check_depth(self, levels: int | None) -> None:
        """Refuse to lose bits that nobody said may go.

        Raises:
            DataError: pictures of 16 bits a value, where ``data.levels`` is null; or of colour
                with 16 bits where all of them are asked for.
        """
        deep, cut = self.found.get("deep", []), self.found.get("cut", [])
        if cut and levels == DEEP:
            raise DataError(
                f"{self.where}: {_have(cut, 'colour of 16 bits a channel')}, of which Pillow "
                "reads 8: save them as uint16 with numpy.save (data=array), or set data.levels=256"
            )
        if (deep or cut) and levels is None:
            keep = "data.levels=65536 to keep all of them, or " if not cut else ""
            raise DataError(
                f"{self.where}: {_have(deep or cut, '16 bits a value')}, of which 256 levels "
                f"keep the upper 8: set {keep}data.levels=256 to cut them"
            )

    def describe(self, channels: int | None, levels: int | None) -> list[str]:
        """Return a line for each thing that the data takes otherwise than a picture has it."""
        lines = []
        if channels is None and len(self.modes) > 1:
            few = min(self.modes, key=lambda mode: self.modes[mode])
            word = "grey" if few == "L" else "colour"
            lines.append(
                f"{self.modes['RGB']} pictures are colour and {self.modes['L']} grey (the first "
                f"{word} one: {self.first[few]}): all have 3 channels; data.channels=1 makes them "
                "grey"
            )
        alpha = self.found.get("alpha")
        if alpha and channels in (None, 1, 3):
            lines.append(
                f"{_have(alpha, 'transparency')}, laid on white; data.channels=4 keeps it"
            )
        if "frames" in self.found:
            lines.append(
                f"{_have(self.found['frames'], 'several frames')}, of which the first is used: "
                "save the others as pictures of their own"
            )
        if "converted" in self.found:
            lines.append(f"{_have(self.found['converted'], 'CMYK, YCbCr, LAB or HSV')}, made RGB")
        if levels == 256 and (deep := self.found.get("deep", []) + self.found.get("cut", [])):
            lines.append(
                f"{_have(deep, '16 bits a value')}: the upper 8 are kept (data.levels=256)"
            )
        if self.broken:
            lines.append(f"{list_broken(self.broken)}: left out (data.broken=skip)")
        return lines


def list_broken(broken: dict[str, str]) -> str:
    """Count the pictures that cannot be read, and name the first with their reasons."""
    named = "; ".join(f"{name} ({reason})" for name, reason in list(broken.items())[:SHOWN])
    many = "pictures" if len(broken) > 1 else "picture"
    return f"{len(broken)} {many} cannot be read: {named}" + (
        "; ..." if len(broken) > SHOWN else ""
    )


def _have(names: list[str], what: str) -> str:
    if len(names) == 1:
        return f"1 picture has {what} ({names[0]})"
    return f"{len(names)} pictures have {what} (the first: {names[0]})"


def _has_frames(picture: "Picture") -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except Exception:  # a broken second frame is no reason to lose the first
        return True


def _is_cut(picture: "Picture") -> bool:
    """Tell whether a picture of 8 bits comes out of a file of 16, by what its decoder is told."""
    for tile in getattr(picture, "tile", ()):
        given = tile[3]
        values = given if isinstance(given, tuple) else (given,)
        if any(isinstance(v, str) and v.endswith((";16B", ";16L", ";16N", ";16")) for v in values):
            return True
        if tile[0] == "ppm" and any(isinstance(v, int) and v > 255 for v in values):
            return True
    return False
