import io
import pickle
import zipfile

import pytest
import torch

from vael.errors import CheckpointError
from vael.runs.checkpoint import check_fits, load_checkpoint
from vael.training.checkpoint_io import SafeCheckpointIO

GOOD = {"state_dict": {"w": torch.arange(1000.0)}, "config": {"seed": 0}, "global_step": 3}


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.ckpt"
    SafeCheckpointIO().save_checkpoint(GOOD, path)
    return path


def test_round_trip(good):
    loaded = load_checkpoint(good)
    assert torch.equal(loaded["state_dict"]["w"], GOOD["state_dict"]["w"])
    assert loaded["config"] == {"seed": 0}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999])
def test_a_truncated_file_is_named(good, share):
    content = good.read_bytes()
    good.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"good\.ckpt cannot be read as a checkpoint"):
        load_checkpoint(good)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    harm = tmp_path / "harm"
    torch.save({**GOOD, "extra": Payload(harm)}, tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match="carries pickled Python objects"):
        load_checkpoint(tmp_path / "evil.ckpt")
    (tmp_path / "bare.ckpt").write_bytes(pickle.dumps(Payload(harm)))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "bare.ckpt")
    assert not harm.exists()


def test_foreign_files_are_refused(tmp_path):
    torch.save({"model": torch.zeros(3)}, tmp_path / "foreign.ckpt")
    with pytest.raises(CheckpointError, match="not a checkpoint of vael"):
        load_checkpoint(tmp_path / "foreign.ckpt")
    (tmp_path / "text.ckpt").write_text("hello")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "text.ckpt")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme", "no tensors")
    (tmp_path / "plain.zip").write_bytes(buffer.getvalue())
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "plain.zip")
    with pytest.raises(CheckpointError, match="is not a file"):
        load_checkpoint(tmp_path / "absent.ckpt")
    with pytest.raises(CheckpointError, match="is not a file"):
        load_checkpoint(tmp_path)


def test_what_does_not_fit_is_counted_out_of_all_names(tmp_path):
    one, two = torch.zeros(1), torch.zeros(2)
    there, here = {"a": one, "b": one, "c": one}, {"a": one, "b": two, "d": two}
    with pytest.raises(CheckpointError, match=r"3 of 4 tensors differ, b is \(1,\) there and \("):
        check_fits(tmp_path, there, here, "mine", "")
