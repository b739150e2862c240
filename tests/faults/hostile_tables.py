"""Generators of the archives, pictures and settings that people have, a little off."""

import io

import numpy as np
from faults.hostile import explore, trained_step
from faults.hostile_arrays import Runs
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from vael.config.compose import compose_config
from vael.config.validate import check_config

SPLITS = ("train", "val", "valid", "dev", "test", "extra", "")
WHAT = ("x", "X", "y", "images", "labels", "data", "weights")


def splits(tally, folder, examples):
    """Archives with splits and labels of any name, dtype and length."""
    runs = Runs(folder)
    name = st.tuples(st.sampled_from(WHAT), st.sampled_from("_- ."), st.sampled_from(SPLITS)).map(
        lambda parts: "".join(parts) if parts[2] else parts[0]
    )
    flat = st.tuples(
        name, st.integers(0, 12), st.sampled_from(["u1", "f4", "i4", "U2", "?", "u2"])
    )
    case = st.tuples(
        st.lists(flat, min_size=1, max_size=6, unique_by=lambda each: each[0]),
        st.sampled_from([None, None, 2, 256, 4096, 65536]),
        st.integers(0, 99),
    )

    def body(one):
        arrays, levels, seed = one
        rng = np.random.default_rng(seed)
        made = {}
        for key, count, dtype in arrays:
            label = key[0] in "yl"
            shape = (count,) if label and seed % 3 else (count, 3) if label else (count, 4, 4)
            scale = 3 if label else {"u1": 255, "u2": 5000}.get(dtype, 1.2)
            made[key] = (rng.random(shape) * scale - (seed % 7 == 0)).astype(dtype)
        path = folder / "s.npz"
        np.savez(path, **made)
        tally.attempt("archives of people", lambda: runs.step(path, levels=levels))

    explore(examples, case, body)


def photographs(tally, folder, examples):
    """Folders of pictures of any mode, depth, size and number of frames, some of them broken."""
    runs = Runs(folder)
    kinds = (
        "L",
        "LA",
        "RGB",
        "RGBA",
        "P",
        "1",
        "I;16",
        "CMYK",
        "F",
        "gif",
        "tiff",
        "cut",
        "empty",
    )
    case = st.tuples(
        st.lists(st.sampled_from(kinds), min_size=5, max_size=9),
        st.sampled_from([None, None, 1, 3, 4, 2]),
        st.sampled_from([None, None, 256, 65536, 7]),
        st.sampled_from(["refuse", "skip", "drop"]),
        st.sampled_from([None, 6]),
        st.integers(0, 99),
    )

    def body(one):
        kinds, channels, levels, broken, size, seed = one
        rng = np.random.default_rng(seed)
        place = folder / "album"
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        for number, kind in enumerate(kinds):
            name, content = photograph(kind, rng, 8 if size is None else 8 + number)
            (place / f"{number}.{name}").write_bytes(content)
        config = runs.config.copy()
        config.data.source = {
            "_target_": "vael.data.sources.Folder",
            "path": str(place),
            "channels": channels,
            "levels": levels,
            "broken": broken,
            "image_size": size,
        }
        (folder / "config.yaml").write_text(OmegaConf.to_yaml(config))
        tally.attempt("albums of people", lambda: trained_step(folder))

    explore(examples, case, body)


def photograph(kind, rng, side):
    """The ending and the content of one picture."""
    grey = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
    file = io.BytesIO()
    if kind in ("gif", "tiff"):
        grey.save(file, kind, save_all=True, append_images=[grey.rotate(90)])
        return kind, file.getvalue()
    if kind in ("CMYK", "F"):
        grey.convert(kind).save(file, "TIFF")
        return "tif", file.getvalue()
    if kind == "I;16":
        grey = Image.fromarray(rng.integers(0, 65536, (side, side), dtype=np.uint16))
    elif kind not in ("cut", "empty"):
        grey = grey.convert(kind)
    grey.save(file, "PNG")
    content = file.getvalue()
    return "png", content[:60] if kind == "cut" else b"" if kind == "empty" else content


def commands(tally, examples):
    """Settings as shells hand them over."""
    key = st.sampled_from(
        ["data.path", "name", "init_from", "output_dir", "logger.tags", "logger.project", "model"]
    )
    value = st.text(st.sampled_from(list("ab/=#~()[]{}, .$!&@é'\"\\:%*?-1")), max_size=12)
    case = st.lists(st.tuples(key, value), min_size=1, max_size=3)

    def body(one):
        given = ["data=array", *(f"{k}={v}" for k, v in one)]
        tally.attempt("settings of people", lambda: check_config(compose_config(given)))

    explore(examples, case, body)
