"""Seconds until the data of a run is ready, and the resident memory that it takes.

``python data_start.py [FOLDER]``: MNIST's parquet files there; VAEL_CACHE says whether it
is the first use. Pages of a mapped file count once a batch has touched them: all are touched.
"""

import sys
import time
from pathlib import Path

from _common import answer

from vael.config.build import build_data
from vael.config.compose import compose_config
from vael.data.batches import TrainBatches
from vael.randomness import Seeds


def resident() -> float:
    """MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


config = compose_config(["data=mnist", *(f"data.path={folder}" for folder in sys.argv[1:])])
before, start = resident(), time.perf_counter()
data = build_data(config, Seeds.derive(0))
data.prepare()
seconds = time.perf_counter() - start
for _ in TrainBatches(*data.select("train"), 128, 0):
    pass
answer(seconds=seconds, grown=resident() - before, array=data.cached.data.train.x.nbytes / 2**20)
