"""The axis of an objective: drawn larger-is-better as frames hold it, labelled with the objective's own values."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from hyperstudy.reports.page.style import accuracy_axis
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.outputs.pictures import plain

WIDE = 30  # times the smallest value from which the axis of positive values is logarithmic
TICKS = 7  # at most, of a logarithmic axis


def objective_axis(axes: Axes, values: Any, objective: Objective, before: str = "") -> None:
    """Label the vertical axis; a lower loss lies lower. `values` are those drawn, `before` comes before the name."""
    label = before + plain(objective.label)
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
    axes.yaxis.set_major_locator(FixedLocator(-shown[:: -(-len(shown) // TICKS) or 1]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(-high, -low)
