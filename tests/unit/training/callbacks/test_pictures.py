"""When pictures are drawn while a run trains, and that no number depends on it."""

from pathlib import Path

import pytest
from helpers.runs import QUICK, config_of, make_run

from vael.config.validate import check_config
from vael.errors import ConfigError
from vael.training.fit import train

EPOCHS = "trainer.max_epochs=5"


def samples(folder: Path) -> list[int]:
    """The steps at which samples were shown on TensorBoard."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder / "tensorboard")).Reload()
    return [image.step for image in events.Images("samples")]


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        ([], [1, 2, 4, 5]),
        (["sweep.name=study"], [5]),
        (["callbacks.pictures.every_n_epochs=null"], [5]),
        (["callbacks.pictures.every_n_epochs=3"], [3, 5]),
    ],
)
def test_the_board_gets_pictures_at_growing_intervals_and_no_number_changes(
    settings, epochs, tmp_path
):
    folder = make_run(tmp_path / "a", *QUICK, EPOCHS, "logger=tensorboard", *settings)
    train(folder)
    shown = samples(folder)
    per_epoch = shown[-1] // 5
    assert shown == [epoch * per_epoch for epoch in epochs]
    if not settings:
        plain = make_run(tmp_path / "b", *QUICK, EPOCHS, "callbacks.pictures.every_n_epochs=null")
        train(plain)
        assert scores(folder) == scores(plain)


def scores(folder: Path) -> list[list[str]]:
    """The rows of metrics.csv without its rates, which are of the clock."""
    head, *rows = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    kept = [place for place, name in enumerate(head) if "per_second" not in name]
    return [[row[place] for place in kept] for row in (head, *rows)]


@pytest.mark.parametrize("value", ["often", "0", "true", "1.5"])
def test_another_interval_is_refused(value):
    with pytest.raises(ConfigError, match="must be growing, null or an integer >= 1"):
        check_config(config_of(f"callbacks.pictures.every_n_epochs={value}"))
