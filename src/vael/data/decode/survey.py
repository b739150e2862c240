"""What the headers of pictures say: size, channels, bits, frames, and which cannot be read."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vael.data.source import BYTE_LEVELS
from vael.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# What Pillow's modes hold besides those: https://pillow.readthedocs.io (Concepts, Modes)
PLAIN = {
    **dict.fromkeys(("1", "I", "I;16", "I;16B", "I;16L"), "L"),
    **dict.fromkeys(("P", "RGBX", "CMYK", "YCbCr", "HSV"), "RGB"),
    "PA": "RGBA",
    **{mode: mode for mode in CHANNELS},
}
CONVERTED = {"CMYK", "YCbCr", "HSV"}
DEEP_GREY = ("I", "I;16", "I;16B", "I;16L")
DEEP = 65536
SHOWN = 5
TOLD = {  # kind: what pictures have, and what becomes of it
    "frames": (
        "several frames",
        ", of which the first is used: save the others as pictures of their own",
    ),
    "converted": ("CMYK, YCbCr or HSV", ", made RGB"),
    "palette": ("a palette", ", of which the colours are used"),
    "bit": (
        "1 bit a pixel",
        ": 0 and 255 of 256 levels; data.binarize=threshold makes all images binary",
    ),
    "turned": ("an orientation in EXIF", ": turned upright"),
}


@dataclass
class Survey:
    """What was found in the pictures of one or more splits, each kind with the names of its files.

    Attributes:
        where: what the pictures are, for messages.
        modes: number of pictures by L or RGB, without alpha.
        first: name of the first picture of each of these modes.
        found: names by kind: alpha, frames, converted, palette, bit (black and white), turned,
            deep (more than 8 bits of grey), wide (32 of them) and cut (16 bits of colour, of
            which Pillow reads 8).
        sizes: number of pictures by (height, width), as they are seen.
        broken: reason by name.
    """

    where: str
    modes: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)

    def add(self, picture: "Picture", name: str, size: tuple[int, int], turned: bool) -> None:
        """Take up the header of one picture, its (height, width) and whether EXIF turns it.

        Raises:
            DataError: a kind of pixels that none of the four modes holds.
        """
        if picture.mode not in PLAIN:
            raise DataError(
                f"{self.where}, {name}: a picture must be grey or colour, got Pillow's mode "
                f"{picture.mode}; save it as RGB, or numbers that are not grey with "
                "numpy.save (data=array data.support=real)"
            )
        plain = PLAIN[picture.mode]
        base = plain.rstrip("A")
        self.modes[base] += 1
        self.first.setdefault(base, name)
        self.sizes[size] += 1
        deep = picture.mode in DEEP_GREY
        kinds = {
            "alpha": plain.endswith("A") or "transparency" in picture.info,
            "frames": _has_frames(picture),
            "converted": picture.mode in CONVERTED,
            "palette": picture.mode in ("P", "PA"),
            "bit": picture.mode == "1",
            "turned": turned,
            "deep": deep,
            "wide": deep and _is_wide(picture),
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
            DataError: pictures of more than 8 bits a value, where ``data.levels`` is null; or of
                colour with 16 bits where all of them are asked for.
        """
        deep, cut, wide = (self.found.get(kind, []) for kind in ("deep", "cut", "wide"))
        if cut and levels == DEEP:
            raise DataError(
                f"{self.where}: {_have(cut, 'colour of 16 bits a channel')}, of which Pillow "
                "reads 8: save them as uint16 with numpy.save (data=array), or set data.levels=256"
            )
        if wide and levels is None:
            raise DataError(
                f"{self.where}: {_have(wide, '32 bits a value')}: set data.levels=65536 where "
                "all values are below that; else save them with numpy.save (data=array "
                "data.support=real)"
            )
        if (deep or cut) and levels is None:
            keep = "data.levels=65536 to keep all of them, or " if not cut else ""
            raise DataError(
                f"{self.where}: {_have(deep or cut, '16 bits a value')}, of which 256 levels "
                f"keep the upper 8: set {keep}data.levels=256 to cut them"
            )

    def describe(
        self, channels: int | None, levels: int | None, size: tuple[int, int] | None
    ) -> list[str]:
        """Return a line for each thing that the data takes otherwise than a picture has it.

        Args:
            channels: ``data.channels``.
            levels: ``data.levels``.
            size: (height, width) that all pictures are resized to, or None.
        """
        grey, colour = self.modes["L"], self.modes["RGB"]
        alpha = self.found.get("alpha", [])
        lines = []
        if channels is None and len(self.modes) > 1:
            few = min(self.modes, key=lambda mode: self.modes[mode])
            word = "grey" if few == "L" else "colour"
            lines.append(
                f"{colour} pictures are colour and {grey} grey (the first {word} one: "
                f"{self.first[few]}): all have 3 channels; data.channels=1 makes them grey"
            )
        elif channels == 1 and colour:
            lines.append(
                f"{colour} of {grey + colour} pictures are colour (the first: "
                f"{self.first['RGB']}): data.channels=1 makes them grey, 0.299 R + 0.587 G + "
                "0.114 B"
            )
        elif channels in (3, 4) and grey:
            lines.append(
                f"{grey} of {grey + colour} pictures are grey (the first: {self.first['L']}): "
                f"data.channels={channels} makes red, green and blue of it, all equal"
            )
        if channels == 4 and len(alpha) < grey + colour:
            lines.append(
                f"{grey + colour - len(alpha)} of {grey + colour} pictures have no transparency: "
                "they are opaque (data.channels=4)"
            )
        if alpha and channels != 4:
            lines.append(
                f"{_have(alpha, 'transparency')}, laid on white; data.channels=4 keeps it"
            )
        for kind, (what, then) in TOLD.items():
            if kind in self.found:
                lines.append(_have(self.found[kind], what) + then)
        deep = self.found.get("deep", []) + self.found.get("cut", [])
        if levels == BYTE_LEVELS and deep:
            lines.append(
                f"{_have(deep, '16 bits a value')}: the upper 8 are kept (data.levels=256)"
            )
        if levels == DEEP and len(deep) < grey + colour:
            lines.append(
                f"{grey + colour - len(deep)} of {grey + colour} pictures have 8 bits a value or "
                "fewer: their levels are spread over 65,536 (times 257)"
            )
        if size is not None:
            lines += self._describe_sizes(size)
        if self.broken:
            lines.append(f"{list_broken(self.broken)}: left out (data.broken=skip)")
        return lines

    def _describe_sizes(self, size: tuple[int, int]) -> list[str]:
        """Return the line about pictures that are resized, nothing where all have that size."""
        others = {found: count for found, count in self.sizes.items() if found != size}
        if not others:
            return []
        most = max(others, key=lambda found: others[found])
        bent = sum(
            n for (height, width), n in others.items() if height * size[1] != width * size[0]
        )
        aspect = f"; {bent} of them change their aspect ratio, nothing is cropped" if bent else ""
        return [
            f"{sum(others.values())} of {self.sizes.total()} pictures are resized to {size[0]} x "
            f"{size[1]} (height x width), from {len(others)} "
            f"{'sizes' if len(others) > 1 else 'size'}, mostly {most[0]} x {most[1]}{aspect}"
        ]


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


def _is_wide(picture: "Picture") -> bool:
    """Tell whether a grey picture has 32 bits a value in its file."""
    raw = [tile[3] for tile in getattr(picture, "tile", ())]
    return any("I;32" in str(value[0] if isinstance(value, tuple) else value) for value in raw)


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
