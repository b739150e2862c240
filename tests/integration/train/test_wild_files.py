"""Files as packages ship them: each trains, or is refused in one line that names the remedy."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from faults.hostile import trained_step
from helpers.runs import config_of
from omegaconf import OmegaConf

from vael.errors import VaelError

pytestmark = pytest.mark.slow
SMALL = ("logger=csv", "model=linear_vae", "data.batch_size=8", "trainer.threads=1")


def folder_of(package, below):
    """A folder inside an installed package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"needs the package {package}, which is not installed")
    return Path(spec.origin).parent / below


def tried(tmp_path, path, **options):
    """What a trained step on a file says: a line where it is refused, else nothing."""
    config = config_of("data=array", "data.path=x.npz", *SMALL)
    config.data.source.path = str(path)
    for name, value in options.items():
        config.data.source[name] = value
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    try:
        trained_step(tmp_path)
    except VaelError as error:
        return str(error)
    return ""


REMEDIES = ("data.", "save", "rename", "name", "unpack", "subtract", "leave", "rescale")
CODE = (".py", ".pyc", ".pyx", ".so", ".build", ".md", ".rst", ".html")


@pytest.mark.parametrize(
    ("package", "below"),
    [
        ("sklearn", "datasets"),
        ("mlxtend", "data/data"),
        ("statsmodels", "datasets"),
        ("aeon", "datasets"),
    ],
)
def test_every_file_trains_or_names_its_remedy(tmp_path, package, below):
    files = sorted(
        file
        for file in folder_of(package, below).rglob("*")
        if file.is_file() and file.suffix not in CODE and file.stat().st_size < 2**24
    )
    trained = 0
    for file in files:
        said = tried(tmp_path, file, missing="mean")
        assert "\n" not in said
        assert not said or any(word in said for word in REMEDIES), (file.name, said)
        trained += not said
    assert trained


def test_the_series_of_aeon_name_their_loader(tmp_path):
    files = [*folder_of("aeon", "datasets").rglob("*.ts")]
    assert files
    for file in files:
        said = tried(tmp_path, file)
        assert "aeon.datasets.load_from_ts_file(FILE)[0]" in said
        assert "data.shape=[VALUES OF ONE SERIES]" in said


def test_the_photographs_of_scikit_learn(tmp_path):
    """Two of 427 x 640: too few to split, and a line says so; three are trained on."""
    photos = folder_of("sklearn", "datasets/images")
    config = config_of("data=folder", f"data.path={photos}", "data.image_size=16", *SMALL)
    config.data.batch_size = 1
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    with pytest.raises(VaelError, match="3 examples are the least"):
        trained_step(tmp_path)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("china.jpg", "flower.jpg", "china.jpg")):
        (folder / f"{number}.jpg").write_bytes((photos / name).read_bytes())
    config.data.source.path = str(folder)
    (tmp_path / "config.yaml").write_text(OmegaConf.to_yaml(config))
    trained_step(tmp_path)


def test_iris_of_scikit_learn(tmp_path):
    """Its first row is 150,4,setosa,versicolor,virginica: counts and classes, not names."""
    path = folder_of("sklearn", "datasets/data") / "iris.csv"
    said = tried(tmp_path, path)
    assert not said or "data." in said


def test_5000_digits_of_mnist(tmp_path):
    """mlxtend's CSV is 5,000 real MNIST images, one a row, and the class at its end."""
    import gzip

    folder = folder_of("mlxtend", "data/data")
    (packed,) = folder.glob("mnist_5k.csv.gz")
    assert "unpack it first" in tried(tmp_path, packed)
    path = tmp_path / "mnist.csv"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    options = {"label_key": "784", "shape": [1, 28, 28]}
    assert tried(tmp_path, path, **options) == ""
    from vael.data.sources import ArrayFile

    data = ArrayFile(str(path), **options).decode()
    assert (data.train.x.shape, data.levels) == ((5000, 1, 28, 28), 256)
    np.testing.assert_array_equal(np.bincount(data.train.y), [500] * 10)
