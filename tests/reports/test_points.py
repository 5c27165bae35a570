"""Runs under the pointer: where the page says that they are, there they are drawn."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.chapters import write_chapter
from hyperstudy.reports.page.points import pointed
from hyperstudy.reports.page.section import Section
from hyperstudy.reports.page.style import canvas
from hyperstudy.reports.sections import SECTIONS
from tests.reports.planted import peak, planted, with_confirmation

STUDY = planted(0, peak, 12)
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def drawn(row, folder, study=STUDY):
    """The drawing of one figure row, as a report makes it."""
    for name in ("figures", "tables"):
        (folder / name).mkdir(exist_ok=True)
    (drawing,) = write_chapter(Section("A", figures={"a": row}), Analysis(study), folder).figures
    return drawing


def dots(analysis):
    """Three dots in pure colours beside a colour bar, on a logarithmic axis that is turned round."""
    figure, panels = canvas(3.0, 1, 2, width_ratios=(1, 2))
    axes, x, y = panels[1], [0.001, 0.02, 10], [3, 1, 2]
    axes.scatter(x, y, c=np.array(COLOURS) / 255, s=60, linewidth=0, clip_on=False)
    axes.set(xscale="log", ylabel="long\nlabel")
    axes.invert_yaxis()
    figure.colorbar(panels[0].scatter([0], [0], c=[1.0], cmap="Greys"), ax=panels[0])
    pointed(axes, analysis.study, analysis.study.runs.head(3), x, y)
    return figure


def test_a_point_is_where_its_dot_is_drawn(tmp_path):
    """The dots are found again by their colour, in the picture that the page shows."""
    drawing = drawn(dots, tmp_path)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawing.png))).convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    for point, colour in zip(drawing.points, COLOURS, strict=True):
        rows, columns = np.nonzero(np.abs(pixels - colour).sum(2) < 30)
        assert len(rows) > 50
        assert point.left == pytest.approx(100 * (columns.mean() + 0.5) / width, abs=0.2)
        assert point.top == pytest.approx(100 * (rows.mean() + 0.5) / height, abs=0.2)


def test_a_place_follows_from_the_axes_and_their_scale():
    figure, axes = canvas(2.0)
    figure.set_layout_engine(None)
    axes.set_position((0.2, 0.1, 0.5, 0.6))  # left, bottom, width, height
    axes.set(xscale="log", xlim=(1e-4, 1), ylim=(0.5, 1))
    pointed(axes, STUDY, STUDY.runs.head(1), [1e-3], [0.9])
    figure.savefig(io.BytesIO())
    (point,) = figure.points()
    assert point.left == pytest.approx(20 + 50 * 1 / 4, abs=0.01)
    assert point.top == pytest.approx(100 - (10 + 60 * 0.8), abs=0.01)


def test_what_is_not_to_be_seen_is_no_point():
    figure, axes = canvas(2.0)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    pointed(axes, STUDY, STUDY.runs.head(5), [0.5, 2, 0.5, float("nan"), 1], [0.5, 0.5, -1, 0.5, 1])
    figure.savefig(io.BytesIO())
    assert [point.text.split(":")[0] for point in figure.points()] == ["run0", "run4"], "an end of a range is seen"


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("http://127.0.0.1:5000/#/experiments/1/runs/a", True),
        ("https://mlflow.example/a", True),
        ("javascript:alert(1)", False),
        ("", False),
        (None, False),
        (float("nan"), False),
    ],
)
def test_a_point_says_what_was_run_and_leads_there(link, kept):
    run = {"name": "explore-009", "lr": 0.00312, "batch_size": 21, "depth": 3, "activation": "relu"}
    figure, axes = canvas(2.0)
    pointed(axes, STUDY, pd.DataFrame([run | {"objective": 0.99306, "link": link}]), [0], [0])
    axes.set(xlim=(-1, 1), ylim=(-1, 1))
    figure.savefig(io.BytesIO())
    (point,) = figure.points()
    assert point.text == "explore-009: lr 0.00312, batch_size 21, depth 3, relu: 0.9931"
    assert point.link == (link if kept else "")


def test_a_plain_figure_has_no_points(tmp_path):
    def plain(_):
        """A figure of another library."""
        figure = Figure(layout="constrained")
        figure.subplots().plot([1, 2])
        return figure

    assert drawn(plain, tmp_path).points == ()


def test_the_report_names_the_runs_of_its_figures(tmp_path):
    """Each trial in the figures of trials, and its own accuracy."""
    study = with_confirmation(planted(0, peak, 50), 0.02, 0.01, 5, np.random.default_rng(0))
    rows = {name: row for section in SECTIONS for name, row in section.figures.items()}
    for name, axes in (("lr_and_batch_size", 1), ("cost", 2)):
        drawing = drawn(rows[name], tmp_path, study)
        assert len(drawing.points) == axes * 50
        found = {point.text.split(":")[0]: point.text.split(": ")[-1] for point in drawing.points}
        assert found == {run["name"]: f"{run.objective:.4f}" for _, run in study.trials.iterrows()}


def diverged(u):
    """Nothing trains with a large lr."""
    return np.where(u.lr > 0.8, 0.1, peak(u))


def test_a_caption_tells_of_nothing_that_is_not_drawn(tmp_path):
    rows = {name: row for section in SECTIONS for name, row in section.figures.items()}
    assert "Crosses mark" not in drawn(rows["lr_and_batch_size"], tmp_path, planted(0, peak)).caption
    caption = drawn(rows["lr_and_batch_size"], tmp_path, planted(0, diverged)).caption
    assert "Crosses mark those that diverged." in caption
    assert "surface" not in drawn(rows["lr_and_batch_size"], tmp_path, planted(0, peak, 4)).caption, "too few trials"
