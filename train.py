"""Trains a VAE: the same as ``vael train``, for a checkout and for torchrun.

python train.py model=conv_vae likelihood=gaussian objective.beta=4 trainer.devices=4
"""

import sys

from vael.distributed import signals

if __name__ == "__main__":
    signals.block()  # signals wait for the run: what follows takes a while to import
    from vael.training.launch import launch

    launch(sys.argv[1:], ["python", "train.py"])
