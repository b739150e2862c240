"""Bad data through the command: one line, exit code 2, and no folder left."""

import numpy as np
import pytest
from helpers.commands import train_py
from PIL import Image


def file(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return f"data.path={path}"


def npy(path, array):
    np.save(path, array)
    return f"data.path={path}"


def pictures(path, *sizes, cut=None):
    path.mkdir(parents=True)
    for i, size in enumerate(sizes):
        noise = np.random.default_rng(i).integers(0, 256, size, dtype=np.uint8)
        Image.fromarray(noise).save(path / f"{i}.png")
    if cut is not None:
        (path / f"{cut}.png").write_bytes((path / f"{cut}.png").read_bytes()[:-300])
    return f"data.path={path}"


def empty_test(path):
    (path / "test").mkdir(parents=True)
    pictures(path / "train", (8, 8))
    return f"data.path={path}"


def bomb(path):
    path.mkdir()
    Image.new("1", (10_000, 10_000)).save(path / "big.png")
    return f"data.path={path}"


ROWS = "a,b\n" + "1,2\n3,4\n5,7\n" * 5
BAD = {
    "no images": (lambda p: ["data=folder", f"data.path={p}"], "must hold pictures"),
    "mixed sizes": (
        lambda p: ["data=folder", pictures(p / "f", (8, 8), (9, 9))],
        "1.png) (9, 9); set data.image_size",
    ),
    "truncated": (
        lambda p: ["data=folder", pictures(p / "f", (32, 32), (32, 32), cut=1)],
        "1.png) (image file is truncated); mend them",
    ),
    "bomb": (lambda p: ["data=folder", bomb(p / "f")], "big.png): a picture must be one"),
    "empty split": (lambda p: ["data=folder", empty_test(p / "f")], "/f/test must hold pictures"),
    "two labels": (
        lambda p: ["data=array", file(p / "a.csv", ROWS), "data.label_key=[a,b]"],
        "data.label_key must be null or one name",
    ),
    "text": (lambda p: ["data=array", file(p / "a.csv", ROWS + "x,1\n")], "line 17, column a"),
    "no such name": (lambda p: ["data=hub", "data.name=no/such"], "data.name=no/such must be"),
    "support": (
        lambda p: [
            "data=array",
            file(p / "a.csv", ROWS),
            "likelihood=bernoulli",
            "model=mlp_vae",
            "data.batch_size=4",
        ],
        "needs data in [0, 1]",
    ),
    "one example": (
        lambda p: ["data=array", npy(p / "a.npy", np.full((1, 8, 8), 9, np.uint8))],
        "each split must have at least 1 example",
    ),
    "constant": (
        lambda p: ["data=array", npy(p / "a.npy", np.full((50, 8, 8), 9, np.uint8))],
        "all 40 are the same, so there is nothing to learn",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_gets_one_line_code_2_and_no_folder(case, tmp_path):
    make, shown = BAD[case]
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir()
    done = train_py(
        "logger=csv", *make(data), cwd=work, env={"VAEL_CACHE": str(tmp_path / "cache")}
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("vael: ")
    assert shown in line, line
    assert not list(work.glob("outputs/*/*"))
