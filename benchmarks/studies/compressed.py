"""The test images of a run as a file, and back: results/compressed.json.

    python benchmarks/studies/compressed.py RUN FILE --name logistic_mixture

Writes FILE by `vael compress RUN test` unless it is there, decompresses it, and compares every
level with the data. The size is that of the whole file, header and model's name included.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from runs import RESULTS

from vael.files import write_json
from vael.pretrained.trained import load_trained
from vael.runs.summary import Summary, read_summary


def main() -> None:
    """Compress, decompress, compare, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--name", required=True, help="of the run, in the results")
    parser.add_argument("--out", type=Path, default=RESULTS / "compressed.json")
    given = parser.parse_args()
    if not given.file.exists():
        vael("compress", str(given.run), "test", "-o", str(given.file))
    with tempfile.TemporaryDirectory() as folder:
        back = Path(folder) / "back.npy"
        vael("decompress", str(given.file), "--run", str(given.run), "-o", str(back))
        found = np.load(back)
    trained = load_trained(given.run)
    images = trained.data.head("test", trained.spec.num_test).x.numpy()
    same = bool((found.reshape(images.shape) == images).all())
    elbo = Summary.of(read_summary(given.run) or {}).metrics["test/elbo"]
    result = {
        "images": len(images),
        "bytes": given.file.stat().st_size,
        "bits_per_pixel": 8 * given.file.stat().st_size / images.size,
        "elbo_bits_per_pixel": -elbo / trained.spec.num_dims / math.log(2),
        "lossless": same,
    }
    print(result)
    known = json.loads(given.out.read_text()) if given.out.exists() else {}
    write_json(given.out, {**known, given.name: result})


def vael(*words: str) -> None:
    """Run a command of vael; its lines are shown."""
    subprocess.run([sys.executable, "-m", "vael", *words], check=True)


if __name__ == "__main__":
    main()
