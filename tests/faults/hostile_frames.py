"""Frames of pandas in parquet, and variables of the environment, right and a little off."""

import os
from unittest import mock

import numpy as np
import pandas as pd
from faults.hostile import explore, trained_step
from faults.hostile_arrays import base
from hypothesis import strategies as st
from omegaconf import OmegaConf

from vael.data.sources.array import ArrayFile
from vael.distributed.ranks import find_rank, is_first_rank

COLUMNS = {  # what a column holds, and whether it is read
    "float": True,
    "half": True,
    "whole": True,
    "unsigned": True,
    "nullable": True,
    "truth": True,
    "decimal text": True,
    "category": False,
    "text": False,
    "date": False,
    "duration": False,
    "list": False,
    "bytes": False,
    "nothing": False,
    "infinite": False,
    "complex text": False,
}
INDEXES = ("range", "numbers", "texts", "dates", "named", "twice", "two")


def column(kind, rows, rng):
    """Cells of one kind."""
    x = rng.normal(size=rows).round(3)
    return {
        "float": lambda: x,
        "half": lambda: x.astype(np.float16),
        "whole": lambda: rng.integers(-9, 9, rows),
        "unsigned": lambda: rng.integers(0, 9, rows, dtype=np.uint64),
        "nullable": lambda: pd.array(rng.integers(0, 9, rows), dtype="Int64"),
        "truth": lambda: np.arange(rows) % 2 == 0,
        "decimal text": lambda: [f"{value:.3f}" for value in x],
        "category": lambda: pd.Categorical(["a", "b"] * (rows // 2)),
        "text": lambda: ["a", "b"] * (rows // 2),
        "date": lambda: pd.date_range("2001-01-01", periods=rows),
        "duration": lambda: pd.to_timedelta(np.arange(rows), unit="s"),
        "list": lambda: [[1.0, 2.0]] * rows,
        "bytes": lambda: [b"\xff\x00"] * rows,
        "nothing": lambda: [None] * rows,
        "infinite": lambda: np.where(np.arange(rows) == 3, np.inf, x),
        "complex text": lambda: ["1+2j"] * rows,
    }[kind]()


def index(kind, rows):
    """An index of one kind."""
    return {
        "range": lambda: pd.RangeIndex(rows),
        "numbers": lambda: pd.Index(np.arange(rows)[::-1]),
        "texts": lambda: pd.Index([f"row {n}" for n in range(rows)]),
        "dates": lambda: pd.date_range("2001-01-01", periods=rows),
        "named": lambda: pd.Index(np.arange(rows) * 2, name="id"),
        "twice": lambda: pd.Index([1] * rows),
        "two": lambda: pd.MultiIndex.from_arrays([["p"] * rows, np.arange(rows)]),
    }[kind]()


def frames(tally, folder, examples):
    """What is a number is read to the bit of float32; an index is left out and told."""
    config = base("x.parquet")
    path = folder / "t.parquet"
    case = st.tuples(
        st.lists(st.sampled_from([*COLUMNS][:7]), min_size=1, max_size=4),
        st.one_of(st.none(), st.none(), st.sampled_from([*COLUMNS][7:])),
        st.sampled_from(INDEXES),
        st.integers(0, 99),
        st.sampled_from([None, None, None, 0.5, 0.95]),
    )

    def body(one):
        kinds, odd, frame_index, seed, cut = one
        rng, rows = np.random.default_rng(seed), 14
        cells = {f"c{at}": column(kind, rows, rng) for at, kind in enumerate(kinds)}
        wanted = np.stack([np.asarray(c, np.float64) for c in cells.values()], 1)
        if odd:
            cells["odd"] = column(odd, rows, rng)
        frame = pd.DataFrame(cells, index=index(frame_index, rows))
        frame.to_parquet(path)
        if cut:
            content = path.read_bytes()
            path.write_bytes(content[: int(len(content) * cut)])
        varies = len(np.unique(wanted, axis=0)) > 1

        def act():
            found = ArrayFile(str(path)).decode()
            assert found.columns == tuple(frame.columns)
            np.testing.assert_array_equal(found.train.x, wanted.astype(np.float32))
            told = any("the index of the frame" in note for note in found.notes)
            assert told == (frame_index != "range")
            made = config.copy()
            made.data.source.path = str(path)
            (folder / "config.yaml").write_text(OmegaConf.to_yaml(made))
            trained_step(folder)

        result = tally.attempt("frames of pandas", act)
        assert result == ("refused" if odd or cut or not varies else "accepted"), one

    explore(examples, case, body)


VARIABLES = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "LOCAL_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "SLURM_STEP_NUM_TASKS"),
    *("SLURM_PROCID", "SLURM_JOB_ID", "SLURM_NODEID", "SLURM_LOCALID", "SLURM_STEP_NODELIST"),
    *("VAEL_MAX_THREADS", "VAEL_CACHE", "HOME", "TMPDIR", "CUDA_VISIBLE_DEVICES"),
    *("OMP_NUM_THREADS", "WANDB_MODE", "COLUMNS"),
)


def variables(tally, folder, examples):
    """Variables that a shell, a launcher or a queue has left behind."""
    config = base(folder / "v.npy")
    np.save(folder / "v.npy", np.random.default_rng(0).normal(size=(12, 3)))
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(config))
    (folder / "file").touch()
    junk = st.sampled_from(
        *(["0", "1", "2", "-1", "abc", "", " ", "1.5", "é", "1e3", "99999999999", "/proc/x"],)
    ) | st.just(str(folder / "file"))
    case = st.dictionaries(st.sampled_from(VARIABLES), junk, min_size=1, max_size=6)

    def body(given):
        with mock.patch.dict(os.environ, given):
            assert is_first_rank() in (True, False)
            tally.attempt("variables", lambda: (find_rank(), trained_step(folder)))

    explore(examples, case, body)
