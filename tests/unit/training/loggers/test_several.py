"""Two boards hear the same, and one that fails keeps no other from being closed."""

from pathlib import Path

import pytest
from helpers.runs import QUICK, config_of, make_run

from vael.config.validate import check_config
from vael.config.wandb import list_wandb
from vael.training.fit import train
from vael.training.loggers import Board, SeveralBoards


class Heard(Board):
    """A board that writes down what it is told."""

    def __init__(self, fails=False):
        self.told, self.fails = [], fails

    def open(self, run, config):
        self.told.append(("open", run, dict(config)))
        return [self]

    def catch_up(self, rows):
        self.told.append(("catch_up", dict(rows)))

    def pictures(self, images, step):
        self.told.append(("pictures", dict(images), step))

    def facts(self, facts):
        self.told.append(("facts", dict(facts)))

    def close(self, summary, succeeded):
        self.told.append(("close", dict(summary), succeeded))
        if self.fails:
            raise OSError("full")


@pytest.mark.parametrize("failing", [None, 0, 1])
def test_each_board_is_told_all(failing):
    boards = {name: Heard(fails=number == failing) for number, name in enumerate("ab")}
    several = SeveralBoards(**boards)
    assert several.open(Path("r"), {"seed": 0}) == list(boards.values())
    several.catch_up({3: {"x": 1.0}})
    several.pictures({"samples": Path("s.png")}, 7)
    several.facts({"status": "finished"})
    if failing is None:
        several.close({"val/bpd": 2.0}, True)
    else:
        with pytest.raises(OSError, match="full"):
            several.close({"val/bpd": 2.0}, True)
    wanted = [
        ("open", Path("r"), {"seed": 0}),
        ("catch_up", {3: {"x": 1.0}}),
        ("pictures", {"samples": Path("s.png")}, 7),
        ("facts", {"status": "finished"}),
        ("close", {"val/bpd": 2.0}, True),
    ]
    assert [board.told for board in boards.values()] == [wanted, wanted]


def test_a_run_is_on_both_boards(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = make_run(tmp_path, *QUICK, "trainer.max_epochs=1", "logger=wandb_tensorboard")
    train(folder)
    (offline,) = (folder / "wandb").glob("offline-run-*")
    assert list(offline.glob("*.wandb"))
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert "val/bpd" in events.Tags()["scalars"]
    assert {"samples", "reconstructions"} <= set(events.Tags()["images"])
    shown = list(offline.glob("files/media/images/samples_*.png"))
    assert len(shown) == len(events.Images("samples"))


def test_its_wandb_is_found_by_the_search():
    config = config_of("logger=wandb_tensorboard", "name=x", "logger.wandb.project=p")
    check_config(config)
    ((path, node),) = list_wandb(config.logger)
    assert (path, node.project, node.group) == ("logger.wandb", "p", "x")
    assert not list(list_wandb(config_of("logger=csv").logger))
