"""Generators of bad arrays: what numpy can hold, headers that lie, archives, and text tables."""

import io
import os
import struct
import zipfile

import numpy as np
from faults.hostile import explore, trained_step
from helpers.runs import config_of
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from omegaconf import OmegaConf

SMALL = (
    "data=array",
    "data.path=x.npz",
    "data.batch_size=2",
    "logger=csv",
    "trainer.threads=1",
    "evaluation.samples=1",
    "model.latent_dim=2",
)
DTYPES = (
    "?",
    "u1",
    "i1",
    "u2",
    "i4",
    "u8",
    "i8",
    ">i4",
    "f2",
    "f4",
    "f8",
    ">f8",
    "g",
    "c8",
    "U3",
    "S2",
    "M8[s]",
    "m8[D]",
    "V4",
    [("a", "f4"), ("b", "i2")],
    "O",
)


def base(path, model="linear_vae"):
    """The config of a run on this file."""
    config = config_of(*SMALL, f"model={model}", "likelihood=gaussian")
    config.data.source.path = str(path)
    return config


class Runs:
    """Tries a file as data; the config is composed once."""

    def __init__(self, folder):
        self.folder = folder
        self.config = base("x.npz")

    def step(self, path, levels=None):
        """A trained step on it."""
        self.config.data.source.path = str(path)
        self.config.data.source.levels = levels
        (self.folder / "config.yaml").write_text(OmegaConf.to_yaml(self.config))
        trained_step(self.folder)


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def arrays(tally, folder, examples):
    """Any dtype, rank and shape with any values, as .npy and in an .npz."""
    runs = Runs(folder)
    shapes = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6)
    good = st.sampled_from([(8, 3, 3), (8, 1, 4, 4), (8, 4, 4, 3), (8, 5), (12, 2)])
    real = st.floats(allow_nan=True, allow_infinity=True, width=32)

    def of(dtype):
        if dtype == "O":
            objects = st.sampled_from([None, "a", 1, [], {}, Canary(folder / "canary")])
            return shapes.flatmap(
                lambda s: st.lists(
                    objects, min_size=int(np.prod(s)), max_size=int(np.prod(s))
                ).map(lambda v: filled(s, v))
            )
        kind = np.dtype(dtype)
        if dtype == "V4":
            return shapes.map(lambda shape: np.zeros(shape, kind))
        elements = real if kind.kind == "f" and kind.itemsize == 4 else None
        return hnp.arrays(kind, shapes | good, elements=elements, fill=None)

    def filled(shape, values):
        array = np.empty(int(np.prod(shape)), object)
        array[:] = values
        return array.reshape(shape)

    case = st.tuples(
        st.sampled_from(DTYPES).flatmap(of),
        st.booleans(),
        st.sampled_from([None, 2, 17, 256]),
        st.sampled_from("xyz"),
    )

    def body(one):
        array, zipped, levels, name = one
        path = folder / ("a.npz" if zipped else "a.npy")
        if zipped:
            np.savez(path, **{name: array})
        else:
            np.save(path, array, allow_pickle=True)
        tally.attempt("arrays", lambda: runs.step(path, levels))

    explore(examples, case, body)


def header(shape, descr="|u1", order=False, version=(1, 0)):
    """The first bytes of an .npy that says this."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text) + 1)
    return b"\x93NUMPY" + bytes(version) + size + text + b"\n"


SHAPES = (
    "(10000000000,)",
    "(100000, 100000, 3)",
    "(4000000000, 4)",
    f"({2**62},)",
    f"({2**63}, 2)",
    f"({2**64},)",
    f"({2**31}, {2**31}, {2**31})",
    "(0, 10000000000000)",
    "(-5,)",
    "(8, -1)",
    "(8, 3, 3)",
    "(True, 3)",
    "(1.5,)",
    "('a',)",
    "()",
    "[8, 3]",
    "None",
    "8",
    "(8,",
    "((8,),)",
    "(8, 3, 3, 3, 3, 3, 3)",
    "(1,) * 10**9",
    "__import__('os').mkdir('canary')",
)
HEADERS = (
    *(header(shape, descr) for shape in SHAPES for descr in ("|u1", "<f8", "|O", "<U9999")),
    header("(8, 3, 3)", "|u1", "'maybe'"),
    header("(8, 3, 3)", "rubbish"),
    header("(8,)", "<f99"),
    header("(8, 3)", [("a", "<f4")]),
    header("(2, 2)", "<f4", True, (2, 0)),
    header("(2, 2)", "<f4", False, (3, 0)),
    header("(2, 2)", "<f4", False, (9, 9)),
    b"",
    b"\x93",
    b"\x93NUMPY",
    b"\x93NUMPY\x01\x00",
    b"\x93NUMPY\x01\x00\xff\xff{",
    b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
    b"PK",
    b"PK\x03\x04",
    b"\x80\x04N.",
    b"{}",
    b"a,b\n1,2",
    b"\x93NUMPY\x01\x00\x02\x00" + b"\x00" * 10,
)
NAMES = (
    "x",
    "../../x.npy",
    "/etc/x.npy",
    "..\\..\\x.npy",
    "x\ny",
    "\x1b[31mx",
    "x" * 3000,
    "",
    ".npy",
    "x.npy.npy",
    "ä",
    "漢字",
    "x/",
    "a/b/x",
    "x_train",
    "x_test",
    "con",
    "x\x00y",
)


def headers(tally, folder, every=1):
    """Headers that claim what is not there, with some bytes behind them, alone and in a zip."""
    runs = Runs(folder)
    path, zipped = folder / "h.npy", folder / "h.npz"
    tails = (b"", b"\x00" * 100, bytes(range(256)) * 30)
    for content in [head + tail for head in HEADERS for tail in tails][::every]:
        path.write_bytes(content)
        tally.attempt("npy headers", lambda: runs.step(path))
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("x.npy", content)
        tally.attempt("npz headers", lambda: runs.step(zipped))


def archives(tally, folder, every=1):
    """Zip files with names that lead out, twice the same, lies about sizes, and bombs."""
    runs = Runs(folder)
    path = folder / "z.npz"
    images = io.BytesIO()
    np.save(images, np.arange(8 * 9, dtype=np.uint8).reshape(8, 3, 3))
    for name in NAMES:
        for other in (None, "y.npy", name, "../y.npy"):
            with zipfile.ZipFile(path, "w") as archive:
                try:
                    archive.writestr(name, images.getvalue())
                    if other is not None:
                        archive.writestr(other, images.getvalue())
                except (UserWarning, ValueError, IndexError):  # what zipfile itself refuses
                    continue
            tally.attempt("npz names", lambda: runs.step(path))
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 3 * every):
        spoilt = bytearray(content)
        spoilt[place] ^= 0xFF
        path.write_bytes(spoilt)
        tally.attempt("npz, other bytes", lambda: runs.step(path))
    for percent in range(0, 100, 5):
        path.write_bytes(content[: len(content) * percent // 100])
        tally.attempt("npz, truncated", lambda: runs.step(path))
    bomb(path)
    tally.attempt("npz bombs", lambda: runs.step(path))


def bomb(path, gibibytes=4096):
    """An archive of a few kB whose one array says that it is terabytes of zeros."""
    head = header(f"({gibibytes * 2**20}, 32, 32)")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", head + b"\x00" * 1_000_000)


CELLS = (
    "1",
    "-2.5",
    "1e400",
    "nan",
    "inf",
    "",
    " ",
    "a",
    "ä",
    "漢",
    "1_0",
    "\uff11",
    "0x1f",
    "1,5",
    '"',
    '"a',
    'a"b',
    "\x00",
    "\n",
    "\r",
    ";",
    "\t",
    "=cmd()",
    "1e-400",
    "9" * 400,
    "x" * 3000,
    "\ufeff",
    "True",
    "1+2j",
    "2001-01-01",
    "\x1b[0m",
)


def tables(tally, folder, examples):
    """Comma-separated text with anything in its cells, rows of any length, any encoding."""
    runs = Runs(folder)
    path = folder / "t.csv"
    cell = st.sampled_from(CELLS) | st.floats(allow_nan=False).map(repr) | st.text(max_size=5)
    mixed = st.lists(st.lists(cell, max_size=4), max_size=12)
    even = st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(cell, min_size=n, max_size=n), min_size=3, max_size=12)
    )
    numbers = st.integers(1, 3).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(-1e3, 1e3).map(repr), min_size=n, max_size=n),
            min_size=9,
            max_size=12,
        )
    )
    case = st.tuples(
        mixed | even | numbers,
        st.sampled_from(",;\t|"),
        st.sampled_from(["utf-8", "utf-16", "latin-1"]),
        st.sampled_from("\n\r"),
    )

    def body(one):
        rows, comma, encoding, end = one
        text = end.join(comma.join(row) for row in rows)
        path.write_bytes(text.encode(encoding, "replace"))
        tally.attempt("csv", lambda: runs.step(path))

    explore(examples, case, body)


def places(tally, folder):
    """What is no file, and names that shells and YAML trip over."""
    runs = Runs(folder)
    good = np.arange(8 * 9, dtype=np.uint8).reshape(8, 3, 3)
    for suffix in (".npy", ".npz", ".csv"):
        for kind in ("folder", "fifo", "loop", "device", "zero", "missing", "empty", "secret"):
            path = folder / f"{kind}{suffix}"
            if not path.is_symlink() and not path.exists():
                make = {
                    "folder": path.mkdir,
                    "fifo": lambda p=path: os.mkfifo(p),
                    "loop": lambda p=path: p.symlink_to(p),
                    "device": lambda p=path: p.symlink_to("/dev/null"),
                    "zero": lambda p=path: p.symlink_to("/dev/zero"),
                    "empty": path.touch,
                    "secret": lambda p=path: p.symlink_to("/nowhere/none"),
                }
                make.get(kind, lambda: None)()
            tally.attempt("places", lambda p=path: runs.step(p))
    for name in (
        "a b",
        " a",
        "ä",
        "漢字",
        "a'b",
        'a"b',
        "a$b",
        "${x}",
        "a:b",
        "#a",
        "a\nb",
        "-a",
        "~",
        "a,b",
        "[a]",
        "{a}",
        "a=b",
        "%41",
        "a\\b",
        "\u202ea",
        "e\u0301",
        "x" * 200,
    ):
        below = folder / name
        below.mkdir(exist_ok=True)
        np.save(below / f"{name}.npy", good)
        result = tally.attempt("odd paths", lambda p=below / f"{name}.npy": runs.step(p))
        assert result == "accepted" or "${" in name, name
