import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from vael.report import figures, pictures
from vael.runs.metrics_csv import History, Series


def colours(count: int) -> torch.Tensor:
    """Different saturated colours in eighths of 255, none of them the grey of the labels."""
    codes = torch.arange(1, count + 1)
    return torch.stack([codes % 6 * 40, codes // 6 % 6 * 40, 255 - codes // 36 * 40], 1) / 255


def flat(colour: torch.Tensor, height: int = 8, width: int = 8) -> torch.Tensor:
    return colour[..., None, None].expand(*colour.shape, height, width)


def box(picture: Image.Image, colour: torch.Tensor) -> tuple[int, int, int, int]:
    """Left, top, width, height of the opaque pixels of a colour, which must fill their box."""
    pixels = np.asarray(picture.convert("RGBA"))
    wanted = np.append((colour * 255).round().numpy().astype(np.uint8), 255)
    rows, columns = np.nonzero((pixels == wanted).all(-1))
    assert len(rows), f"colour {wanted} is nowhere"
    left, top = columns.min(), rows.min()
    width, height = columns.max() - left + 1, rows.max() - top + 1
    assert len(rows) == width * height, "the colour is not one full rectangle"
    return int(left), int(top), int(width), int(height)


def test_each_reconstruction_is_right_below_its_original():
    palette = colours(26)
    picture = pictures.draw_reconstructions(flat(palette[:13]), flat(palette[13:]))
    for original, decoded in zip(palette[:13], palette[13:], strict=True):
        left, top, width, height = box(picture, original)
        below = box(picture, decoded)
        assert below[0] == left
        assert 0 < below[1] - (top + height) < 8
        assert below[2:] == (width, height)
    first, second = box(picture, palette[0]), box(picture, palette[1])
    assert second[1] == first[1]
    assert second[0] > first[0]


def test_a_grid_is_filled_row_by_row():
    palette = colours(7)
    picture = pictures.draw_samples(flat(palette), columns=3)
    boxes = [box(picture, colour) for colour in palette]
    lefts = sorted({b[0] for b in boxes})
    tops = sorted({b[1] for b in boxes})
    assert [(tops.index(b[1]), lefts.index(b[0])) for b in boxes] == [
        (i // 3, i % 3) for i in range(7)
    ]


def test_pixels_become_squares_without_smoothing():
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 2, 5] = 1
    pixels = np.asarray(pictures.draw_samples(image))
    rows, columns = np.nonzero(pixels[..., 0] == 255)
    side = pixels.shape[0] // 8
    assert set(np.unique(pixels[..., :3])) == {0, 255}
    assert (rows.min(), rows.max()) == (2 * side, 3 * side - 1)
    assert (columns.min(), columns.max()) == (5 * side, 6 * side - 1)


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (28, 20), (32, 32), (128, 128), (16, 100)])
def test_tiles_keep_their_shape_and_are_large_enough_to_see(size):
    red = torch.tensor([1.0, 0, 0])
    _, _, width, height = box(pictures.draw_samples(flat(red[None], *size)), red)
    assert max(width, height) >= 48
    assert width * size[0] == height * size[1]


def pixel(image: torch.Tensor) -> list[int]:
    return np.asarray(pictures.draw_samples(image[None]))[0, 0].tolist()


def test_channels():
    plain = torch.ones(8, 8)
    assert pixel(torch.stack([plain])) == [255, 255, 255, 255]
    assert pixel(torch.stack([plain * 0.2, plain])) == [51, 51, 51, 255]
    assert pixel(torch.stack([plain, plain * 0, plain * 0.2])) == [255, 0, 51, 255]
    assert pixel(torch.stack([plain, plain * 0, plain * 0.2, plain])) == [255, 0, 51, 255]


def test_a_transparent_image_shows_the_checkerboard():
    shown = np.asarray(pictures.draw_samples(torch.zeros(1, 4, 8, 8)))[..., 0]
    assert len(np.unique(shown)) == 2


def test_values_are_clamped_and_nan_is_black():
    image = torch.full((1, 8, 8), 3.0)
    assert pixel(image)[0] == 255
    assert pixel(-image)[0] == 0
    assert pixel(image * float("nan"))[0] == 0


def test_a_traversal_has_a_row_for_each_dimension_and_a_column_for_each_step():
    palette = colours(15).reshape(3, 5, 3)
    labels = ["z4\n2.50 nats", "z0\n0.10 nats", "z1\n0.01 nats"]
    picture = pictures.draw_traversal(flat(palette), labels, torch.arange(-2.0, 3.0).expand(3, 5))
    boxes = [[box(picture, colour) for colour in row] for row in palette]
    assert all(len({b[1] for b in row}) == 1 for row in boxes)
    assert all(len({row[i][0] for row in boxes}) == 1 for i in range(5))
    assert boxes[0][0][0] < boxes[0][1][0]
    assert boxes[0][0][1] < boxes[1][0][1]
    left, top, width, height = boxes[1][0]
    opaque = np.asarray(picture)[..., 3] > 0
    assert opaque[top : top + height, :left].any(), "no label beside the row"
    assert opaque[: boxes[0][0][1], left : left + width].any(), "no value above the column"
    assert not opaque[:, 0].any(), "a label is cut off"


def test_values_that_rows_do_not_share_stand_beside_them():
    values = torch.tensor([[-2.5, 0.0, 2.5], [3.0, 4.0, 5.25]])
    labels, header = pictures.label_values(["z1", "z0"], values)
    assert labels == ["z1\n-2.5 to +2.5", "z0\n+3 to +5.2"]
    assert header == []
    assert pictures.label_values(["z1"], values[:1]) == (["z1"], ["-2.5", "0", "+2.5"])


def test_a_saved_picture_carries_its_caption_and_is_the_same_twice(tmp_path):
    mu = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    for image in (pictures.draw_samples(torch.rand(3, 1, 8, 8)), figures.draw_scatter(mu, None)):
        picture = pictures.Picture(image, "Zweitausend – 数字")  # noqa: RUF001
        path = pictures.save_picture(picture, tmp_path / "images" / "a.png")
        first = path.read_bytes()
        assert Image.open(io.BytesIO(first)).info["Description"] == "Zweitausend – 数字"  # noqa: RUF001
        assert pictures.save_picture(picture, path).read_bytes() == first


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    pictures.save_picture(pictures.draw_samples(torch.zeros(1, 1, 8, 8)), path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="No space left"):
        pictures.save_picture(pictures.draw_samples(torch.ones(1, 1, 8, 8)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_scatter_puts_each_class_where_it_is_and_names_it():
    mu = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    axes = figures.draw_scatter(mu, torch.tensor([7, 3, 7]), ("a", "b")).axes[0]
    by_label = {c.get_label(): c.get_offsets().tolist() for c in axes.collections}
    assert by_label == {"3": [[2, 3]], "7": [[0, 1], [4, 5]]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", "b")
    shown = {tuple(c.get_facecolor()[0]) for c in axes.collections}
    assert len(shown) == 2


@pytest.mark.parametrize("classes", [1, 10, 25, 100])
def test_scatter_draws_any_number_of_classes_and_examples(classes):
    mu = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    figure = figures.draw_scatter(mu, torch.arange(200) % classes)
    assert len(pictures.encode_png(pictures.Picture(figure))) > 1000
    pictures.encode_png(pictures.Picture(figures.draw_scatter(mu[:0], None)))


def test_curves_show_what_was_logged_and_survive_what_was_not():
    series = Series([1, 2], [10, 20], [3.0, float("nan")])
    figure = figures.draw_curves(History({"val/bpd": series, "train/rate": series, "odd": series}))
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert titles == [
        "Bits per dimension",
        "Training loss and its terms",
        "Rate, the information in z",
    ]
    line = figure.axes[0].lines[0]
    assert (list(line.get_xdata()), line.get_ydata()[0]) == ([1, 2], 3.0)
    assert pictures.encode_png(pictures.Picture(figures.draw_curves(History({}))))


@pytest.mark.parametrize("columns", [1, 2, 9])
def test_tables_show_at_most_six_columns(columns):
    data = torch.randn(50, columns, generator=torch.Generator().manual_seed(0))
    data[0, 0] = float("nan")
    for figure in (
        figures.draw_table_samples(data, data * 2),
        figures.draw_table_reconstructions(data, data * 2),
    ):
        visible = [axes for axes in figure.axes if axes.get_visible()]
        assert len(visible) == min(columns, 6)
        pictures.encode_png(pictures.Picture(figure))


def test_pyplot_is_never_imported():
    import subprocess

    code = (
        "import sys, torch; from vael.report import figures as f, pictures as p; "
        "p.encode_png(p.Picture(f.draw_scatter(torch.zeros(2, 2), None))); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=250)
