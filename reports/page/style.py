"""One look for all figures: palette, width, and the axes of accuracies and hyperparameters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from hyperstudy.reports.page.points import Canvas
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUGGESTIVE, SUPPORTED
from hyperstudy.study.core.domains import Dimension, Domain, Range
from hyperstudy.study.core.text import literal

# Okabe & Ito 2008: distinct for colour-blind readers, and in greyscale by their lightness.
BLUE, ORANGE, GREEN, SKY, YELLOW, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#E69F00", "#7F7F7F"
LEVELS = (BLUE, ORANGE, GREEN, YELLOW, SKY, "#CC79A7", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")
VERDICT_COLOURS = {SUPPORTED: BLUE, SUGGESTIVE: SKY, INCONCLUSIVE: "#BBBBBB"}
# From pale to strong. Dark pages invert figures, which keeps this order; captions should not name black or white.
ACCURACY = LinearSegmentedColormap.from_list("accuracy", ["#BCC8D2", "#8FBCDD", "#2C83BE", "#003F78"])
WIDTH = 5.2  # inches: on a phone, 358 pixels wide, a point of the font is a pixel
HIGH = 0.75  # accuracy from which the axis may be one of errors

LOOK = {
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.8, "axes.titlesize": 11.5},
    **{"axes.labelsize": 11.5, "xtick.labelsize": 10.5, "ytick.labelsize": 10.5, "legend.fontsize": 10.5},
    **{"xtick.major.width": 0.8, "ytick.major.width": 0.8, "xtick.major.size": 4, "ytick.major.size": 4},
}
Look = dict[str, Any]  # options of a drawing call of matplotlib
sns.set_theme(style="ticks", font="DejaVu Sans", rc=LOOK)


def canvas(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Canvas, Any]:
    """A figure of the common width with its axes."""
    figure = Canvas(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def accuracy_axis(axes: Axes, values: Any, label: str = "validation accuracy") -> None:
    """Label the vertical axis. Where errors differ threefold, its scale is logarithmic in the error."""
    axes.set_ylabel(label)
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite) or finite.max() < HIGH or finite.min() > 0.97 or 1 - finite.min() < 3 * (1 - finite.max()):
        return
    least = max(1e-3, (1 - finite.max()) / 2)

    def forward(accuracy: np.ndarray) -> np.ndarray:
        return -np.log10(np.maximum(1 + least - accuracy, 1e-9))

    def inverse(place: np.ndarray) -> np.ndarray:
        return 1 + least - 10.0**-place

    axes.set_yscale("function", functions=(forward, inverse))
    ends = forward(np.array([finite.min(), finite.max()]))
    low, high = np.clip(inverse(ends + np.array([-0.06, 0.06]) * np.ptp(ends)), 0, 1)
    ticks = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(low, high)


def hyperparameter_axis(axis: Any, set_scale: Callable[[str], None], domain: Domain) -> None:
    """The scale of the hyperparameter's range, with plain ticks where a logarithmic one spans little."""
    if not isinstance(domain, Range):
        return
    if domain.log:
        set_scale("log")
        if domain.high / domain.low < 100:
            ticks = np.geomspace(domain.low, domain.high, 5)
            axis.set_major_locator(FixedLocator([float(f"{tick:.3g}") for tick in ticks]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
    elif domain.integer:
        axis.set_major_locator(MaxNLocator(integer=True))


def with_unit(name: str, dimension: Dimension) -> str:
    """The label of a hyperparameter's axis."""
    return literal(f"{name} ({dimension.unit})" if dimension.unit else name)


def legend_below(axes: Axes) -> None:
    """The legend of the axes below them, where it hides no line: up to three entries in a row."""
    handles, labels = axes.get_legend_handles_labels()
    columns = max(1, min(3, 60 // (8 + max(map(len, labels)))))
    axes.figure.legend(handles, labels, loc="outside lower left", ncols=columns, frameon=False, columnspacing=1.2)
