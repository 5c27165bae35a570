"""One look for all figures: palette, width, and the axes of accuracies and hyperparameters."""

from collections.abc import Callable
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from reports.finding import INCONCLUSIVE, SUGGESTIVE, SUPPORTED
from reports.scales import Row

# Okabe & Ito 2008: told apart by colour-blind readers, and in grey by their lightness.
BLUE, ORANGE, GREEN, SKY, YELLOW, GREY = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#E69F00", "#7F7F7F"
LEVELS = (BLUE, ORANGE, GREEN, YELLOW, SKY, "#CC79A7", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")
VERDICT_COLOURS = {SUPPORTED: BLUE, SUGGESTIVE: SKY, INCONCLUSIVE: "#BBBBBB"}
WIDTH = 7.2  # inches: text stays legible at 600 pixels
HIGH = 0.75  # accuracy from which the axis may be one of errors

sns.set_theme(style="ticks", font="DejaVu Sans", rc={"axes.spines.top": False, "axes.spines.right": False})


def plain(text: str) -> str:
    """Text that matplotlib draws as it is: a pair of dollars would be mathematics."""
    return text.replace("$", r"\$")


def canvas(height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A figure of the common width with its axes."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def accuracy_axis(axes: Axes, values: Any, label: str = "validation accuracy") -> None:
    """Label the vertical axis; where errors differ threefold it is one of errors, on which the best lie apart."""
    axes.set_ylabel(label)
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not len(finite) or finite.max() < HIGH or finite.min() > 0.97 or 1 - finite.min() < 3 * (1 - finite.max()):
        return
    least = max(1e-3, (1 - finite.max()) / 2)
    forward, inverse = (lambda a: -np.log10(np.maximum(1 + least - a, 1e-9))), (lambda t: 1 + least - 10.0**-t)
    axes.set_yscale("function", functions=(forward, inverse))
    ticks = [0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1]
    low, high = finite.min(), finite.max()
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low - 0.2 <= tick <= (1 + high) / 2 + least]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(max(0, low - 0.05 * (1 - low)), min(1, high + 0.6 * (1 - high)))


def hyperparameter_axis(axis: Any, set_scale: Callable[[str], None], row: Row) -> None:
    """The scale of the hyperparameter's space, with plain ticks where a logarithmic one spans little."""
    if row["kind"] == "range" and row["log"]:
        set_scale("log")
        if row["high"] / row["low"] < 100:
            ticks = np.geomspace(row["low"], row["high"], 5)
            axis.set_major_locator(FixedLocator([float(f"{tick:.3g}") for tick in ticks]))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
    elif row["kind"] == "range" and isinstance(row["low"], int):
        axis.set_major_locator(MaxNLocator(integer=True))


def with_unit(name: str, row: Row) -> str:
    return f"{name} ({row['unit']})" if row.get("unit") else name


def noise_band(axes: Axes, centre: float, noise: float) -> None:
    """The band in which two configurations cannot be told apart by one run each: two deviations of the seed."""
    axes.axhspan(centre - 2 * noise, min(centre + 2 * noise, 1), color=ORANGE, alpha=0.15, linewidth=0)
