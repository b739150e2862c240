"""Floor 8: best.ckpt, the weights with the best validation score."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import ModelCheckpoint

from vael.errors import CheckpointError


class Best(ModelCheckpoint):
    """Keeps the best epoch, also of a run whose folder was moved between two attempts.

    Lightning would forget the best score there, and put the next epoch's weights in its place.

    Args:
        path: of the checkpoint.
        monitor: the score.
        mode: ``min`` or ``max``.
    """

    def __init__(self, path: Path, monitor: str, mode: str) -> None:
        super().__init__(
            path.parent,
            path.stem,
            monitor=monitor,
            mode=mode,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        )

    @property
    def state_key(self) -> str:
        """As in the checkpoints of runs that began with Lightning's own."""
        return super().state_key.replace(type(self).__qualname__, "ModelCheckpoint", 1)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """The state with the paths of this folder.

        Raises:
            CheckpointError: there is a best score, but its checkpoint is gone.
        """
        best = Path(str(self.dirpath)) / f"{self.filename}.ckpt"
        known = bool(state_dict["best_model_path"])
        if known and not best.is_file():
            raise CheckpointError(
                f"{best} is missing: the run that last.ckpt continues had the best weights so far "
                "there. Put it back, or delete last.ckpt, too, to start anew."
            )
        here = str(best) if known else ""
        scores = dict.fromkeys([here] if known else [], state_dict["best_model_score"])
        super().load_state_dict(
            {
                **state_dict,
                "dirpath": self.dirpath,
                "best_model_path": here,
                "kth_best_model_path": here,
                "best_k_models": scores,
            }
        )
