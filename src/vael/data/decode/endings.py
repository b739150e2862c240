"""Endings of files of arrays and tables: those that are read, and what to do about others."""

from collections.abc import Mapping
from pathlib import Path

from vael.data.decode.npz import Given, option_name
from vael.errors import ConfigError

TABLES = (".csv", ".tsv", ".txt", ".data", ".dat", ".parquet")
ENDINGS = "an .npz, .npy, .csv (.tsv, .txt, .data, .dat) or .parquet file"
_HDF5 = "in Python, numpy.savez('x.npz', x=h5py.File(FILE)['NAME'][:])"
_TORCH = (
    "in Python, t = torch.load(FILE, weights_only=True), then numpy.savez('x.npz', x=t.numpy()), "
    "or t['NAME'] or t[0] for t where it is a dict or a tuple"
)
_PICKLE = "which could run code when it is read: in Python, numpy.savez('x.npz', x=...)"
_PICTURES = "a folder of pictures is data=folder data.path=FOLDER"
_TABLE = "in Python, pandas.read_{}(FILE).to_csv('x.csv', index=False)"
_SHEET = "save the sheet as .csv"
REMEDIES = {
    ".mat": "in Python, numpy.savez('x.npz', x=scipy.io.loadmat(FILE)['NAME']), or, of MATLAB "
    "7.3, x=h5py.File(FILE)['NAME'][:].T",
    **dict.fromkeys((".h5", ".hdf5", ".he5", ".nc"), _HDF5),
    **dict.fromkeys((".pt", ".pth"), _TORCH),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), _PICKLE),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _SHEET),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"), _PICTURES
    ),
    **{f".{name}": _TABLE.format(name) for name in ("feather", "json", "orc", "html")},
    **dict.fromkeys((".jsonl", ".ndjson"), _TABLE.format("json").replace("E)", "E, lines=True)")),
    ".arrow": _TABLE.format("feather"),
    ".dta": _TABLE.format("stata"),
    ".sav": _TABLE.format("spss"),
    ".pq": "rename it to .parquet",
    ".gz": "unpack it first (gunzip)",
    ".zip": "unpack it first (unzip)",
    **dict.fromkeys((".tar", ".tgz", ".bz2", ".xz"), "unpack it first (tar xf, bunzip2, unxz)"),
    ".ts": "in Python, numpy.savez('x.npz', x=aeon.datasets.load_from_ts_file(FILE)[0]), and "
    "data.shape=[VALUES OF ONE SERIES]",
    ".tsf": "in Python, numpy.savez('x.npz', x=...) of aeon.datasets.load_from_tsf_file(FILE)[0], "
    "series of one length",
    ".arff": "in Python, pandas.DataFrame(scipy.io.arff.loadarff(FILE)[0]).to_csv('x.csv')",
    ".nii": "in Python, numpy.save('x.npy', nibabel.load(FILE).get_fdata())",
    ".safetensors": "in Python, numpy.savez('x.npz', x=safetensors.numpy.load_file(FILE)['NAME'])",
    "": f"{_PICTURES}, one of the hub's parquet files data=hub; of tables name one file",
}
_OTHER = f"in Python, numpy.savez('x.npz', x=...); {_PICTURES}"


def read_ending(path: Path) -> str:
    """Return the ending that says how a file is read, in small letters."""
    return path.suffix.lower()


def check_ending(
    path: Path, keys: Given, label_keys: Given, of_tables: Mapping[str, object]
) -> None:
    """Refuse a file that is none of arrays, and settings that another kind of file is needed for.

    Args:
        path: of the file, which need not exist.
        keys: ``data.key`` and its siblings.
        label_keys: ``data.label_key`` and its siblings.
        of_tables: settings about the columns of a table, None where they are not set.

    Raises:
        ConfigError: says what to do.
    """
    ending = read_ending(path)
    if ending not in (".npz", ".npy", *TABLES):
        remedy = REMEDIES.get(ending, _OTHER)
        raise ConfigError(f"data.path must be {ENDINGS}, got {path}: {remedy}")
    for split, key in keys.items():
        if key is not None and ending != ".npz":
            name = option_name(split, "key")
            raise ConfigError(
                f"{name}={key} names an array in an .npz file, but data.path is {path}; set "
                f"{name}=null"
            )
    for split, key in label_keys.items():
        of_table = ending in TABLES and split == "train"
        if key is not None and ending != ".npz" and not of_table:
            raise ConfigError(
                f"{option_name(split, 'label_key')}={key} needs a file with names of arrays, but "
                f"data.path is {path}; save all arrays in one .npz"
            )
    for name, value in of_tables.items():
        if value is not None and ending not in TABLES:
            raise ConfigError(
                f"data.{name} is about the columns of a text or parquet file, but data.path is "
                f"{path}; leave it out"
            )
