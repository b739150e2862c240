"""Which files are read, whatever the case of their ending, and what is said of others."""

import numpy as np
import pytest

from vael.data.decode.endings import REMEDIES
from vael.data.sources.array import ArrayFile
from vael.errors import ConfigError

X = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)


def save(path):
    """The same 6 examples, as the ending says."""
    if path.suffix.lower() == ".npz":
        with path.open("wb") as file:
            np.savez(file, x=X)
    elif path.suffix.lower() == ".npy":
        with path.open("wb") as file:
            np.save(file, X)
    elif path.suffix.lower() == ".parquet":
        import pandas as pd

        pd.DataFrame(X.reshape(6, -1)).to_parquet(path)
    else:
        np.savetxt(path, X.reshape(6, -1), delimiter=",")
    return path


@pytest.mark.parametrize("ending", ["npy", "npz", "csv", "txt", "parquet"])
def test_the_case_of_an_ending_does_not_matter(tmp_path, ending):
    found = []
    for written in (ending, ending.upper(), ending.capitalize()):
        path = save(tmp_path / f"a.{written}")
        data = ArrayFile(str(path)).decode()
        found.append((data.train.x.reshape(6, -1), data.levels))
    for x, levels in found:
        np.testing.assert_array_equal(x, X.reshape(6, -1))
        assert levels == (256 if ending in ("npy", "npz") else None)


@pytest.mark.parametrize("case", [str.lower, str.upper])
@pytest.mark.parametrize("ending", [*REMEDIES, ".dcm", ".json", ".xyz"])
def test_other_endings_name_what_to_do(ending, case):
    path = f"/x/a{case(ending)}"
    with pytest.raises(ConfigError) as caught:
        ArrayFile(path)
    text = str(caught.value)
    assert path in text
    assert "\n" not in text
    assert any(word in text for word in ("numpy.save", "data=folder", "csv", "unpack"))


@pytest.mark.parametrize(
    ("ending", "remedy"),
    [
        (".mat", "scipy.io.loadmat(FILE)['NAME']"),
        (".pth", "torch.load(FILE, weights_only=True)"),
        (".ts", "aeon.datasets.load_from_ts_file"),
        (".tif", "data=folder"),
        (".arff", "scipy.io.arff.loadarff"),
        (".feather", "pandas.read_feather(FILE).to_csv('x.csv', index=False)"),
        (".jsonl", "pandas.read_json(FILE, lines=True).to_csv"),
        (".pq", "rename it to .parquet"),
    ],
)
def test_the_remedy_is_that_of_the_kind(ending, remedy):
    with pytest.raises(ConfigError) as caught:
        ArrayFile(f"a{ending}")
    assert remedy in str(caught.value)
