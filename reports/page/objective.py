"""The axis of an objective: drawn larger-is-better as frames hold it, labelled with the objective's own values.

And what is drawn on it of runs over fresh seeds.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hyperstudy.reports.page.style import BLUE, GREY, ORANGE, accuracy_axis
from hyperstudy.reports.statistics.intervals import Interval
from hyperstudy.study.comparisons.seeds import mean_interval
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.objective import Objective

WIDE = 30  # times the smallest value from which the axis of positive values is logarithmic
TICKS = 7  # at most, of a logarithmic axis


def objective_axis(axes: Axes, values: Any, objective: Objective, before: str = "") -> None:
    """Label the vertical axis; a lower loss lies lower. `values` are those drawn, `before` comes before the name."""
    label = before + literal(objective.label)
    if objective.accuracy:
        accuracy_axis(axes, values, label)
        return
    axes.set_ylabel(label)
    if objective.maximize:
        return
    finite = np.asarray(values, dtype=float)
    own = objective.own(finite[np.isfinite(finite)])
    if len(own) and own.min() > 0 and own.max() > WIDE * own.min():
        _logarithmic(axes, own.min(), own.max())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: objective.value(value)))
    axes.invert_yaxis()


def _logarithmic(axes: Axes, low: float, high: float) -> None:
    """A logarithmic scale of losses between two values, which are drawn as their negatives."""
    low, high = low / 1.2, high * 1.2
    axes.set_yscale("function", functions=(lambda v: -np.log10(np.maximum(-v, low / 10)), lambda t: -(10.0**-t)))
    powers = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    ticks = 10.0**powers if len(powers) > 3 else np.outer(10.0**powers, [1, 2, 5]).ravel()
    shown = ticks[(ticks >= low) & (ticks <= high)]
    axes.yaxis.set_major_locator(FixedLocator((-shown[:: -(-len(shown) // TICKS) or 1]).tolist()))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-high, -low)


def noise_band(axes: Axes, centre: float, noise: Interval | None, objective: Objective) -> None:
    """The band in which one run each cannot tell two configurations apart: two standard deviations over seeds."""
    if noise is not None:
        high = min(centre + 2 * noise.mean, 1 if objective.accuracy else np.inf)
        axes.axhspan(centre - 2 * noise.mean, high, color=ORANGE, alpha=0.15, linewidth=0)


def seeds_and_means(axes: Axes, wide: pd.DataFrame, objective: Objective) -> None:
    """A thin line per seed over the columns, each column's mean with its interval, and their axis."""
    for _, row in wide.iterrows():
        axes.plot(range(len(row)), row, color=GREY, alpha=0.5, linewidth=1, marker="o", markersize=4)
    bounds = (0, 1) if objective.accuracy else (-np.inf, np.inf)
    for place, name in enumerate(wide):
        mean, low, high, _ = mean_interval(wide[name].dropna(), bounds=bounds)
        below, above = (0.0, 0.0) if low is None or high is None else (mean - low, high - mean)
        axes.errorbar(place + 0.12, mean, [[below], [above]], fmt="D", color=BLUE, capsize=4, markersize=7)
    if objective.accuracy:
        axes.set_ylabel(literal(objective.confirmed.label))
    else:
        objective_axis(axes, wide, objective.confirmed)
