"""Figures that know the runs behind their points, so that a page can name a run under the pointer."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hyperstudy.reports.frames import Study
from hyperstudy.reports.page import text
from hyperstudy.study.core.text import line


class Point(NamedTuple):
    """A run in a picture: its place in percent of the width from the left and of the height from the top."""

    left: float
    top: float
    text: str
    link: str  # to the run; empty if there is none


class Marks(NamedTuple):
    """Runs at the same axes: places `(N, 2)` in data coordinates, with a text and a link each."""

    axes: Axes
    places: np.ndarray
    texts: Sequence[str]
    links: Sequence[str]


class Canvas(Figure):
    """A figure with the runs behind its points, and with what its caption says of this study alone."""

    def __init__(self, *words: Any, **options: Any):
        super().__init__(*words, **options)
        self.marks: list[Marks] = []
        self.remarks: list[str] = []
        self.photographs = False  # whether it shows pictures whose colours must stay on a dark page

    def points(self) -> list[Point]:
        """The visible points. Call it after the figure was drawn: only then are limits and layout final."""
        return [point for marks in self.marks for point in _visible(self, marks)]


def pointed(
    axes: Axes, study: Study, runs: pd.DataFrame, x: Iterable[Any], y: Iterable[Any], metric: str = "objective"
) -> None:
    """Remember that `runs` are drawn at `(x, y)`, in data coordinates: on the page, a point names its run, its searched
    hyperparameters and its metric, and leads to the run."""
    places = np.column_stack([np.asarray(list(x), dtype=float), np.asarray(list(y), dtype=float)])
    rows = runs.to_dict("records")
    assert len(places) == len(rows)
    texts = [described(study, row, metric) for row in rows]
    _canvas(axes).marks.append(Marks(axes, places, texts, [text.web(row.get("link")) for row in rows]))


def remark(axes: Axes, sentence: str) -> None:
    """Add to the caption a sentence on something that is not drawn in every study."""
    _canvas(axes).remarks.append(sentence)


def _canvas(axes: Axes) -> Canvas:
    assert isinstance(axes.figure, Canvas)
    return axes.figure


def described(study: Study, run: dict[str, Any], metric: str) -> str:
    """A run in a line: `explore-009: lr 0.0031, depth 3, relu: 0.9931`."""
    levels = ", ".join(_level(name, run[name]) for name in study.searched)
    value = str(run["state"]) if np.isnan(run[metric]) else study.objective.value(run[metric])
    return line(": ".join([str(run["name"]), *filter(None, [levels]), value]))


def _level(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{name} {value:.3g}" if abs(value) < 1000 else f"{name} {value:.0f}"


def _visible(figure: Figure, marks: Marks) -> Iterable[Point]:
    width, height = figure.bbox.size
    inside = marks.axes.get_window_extent().padded(1)
    for place, words, link in zip(marks.places, marks.texts, marks.links, strict=True):
        x, y = marks.axes.transData.transform(place)
        if np.isfinite([x, y]).all() and inside.contains(x, y):
            yield Point(round(100 * x / width, 2), round(100 * (1 - y / height), 2), words, link)
