"""Statistics of finished runs: pure functions of arrays."""

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


def mean_interval(
    values: Sequence[float], level: float = 0.95, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """The mean of independent values and its Student t interval, cut off at the values' possible bounds.

    At five seeds this interval, unlike a bootstrap's, covers at its nominal rate: a bootstrap of five values knows
    their spread only to within the few values that it can draw.
    """
    array = np.asarray(values, dtype=float)
    if len(array) < 2 or np.ptp(array) == 0:
        return Estimate(float(array.mean()), None, None, len(array))
    half = stats.t.ppf((1 + level) / 2, len(array) - 1) * stats.sem(array)
    low, high = np.clip([array.mean() - half, array.mean() + half], *bounds)
    return Estimate(float(array.mean()), float(low), float(high), len(array))


def paired_difference(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Estimate:
    """The mean of first - second over pairs, such as equal seeds, with its interval."""
    return mean_interval(np.subtract(first, second), level)


def probability_positive(difference: Sequence[float]) -> float | None:
    """How probable it is that the mean behind paired differences is above 0, as Student's t has it; None below two."""
    array = np.asarray(difference, dtype=float)
    if len(array) < 2:
        return None
    error = stats.sem(array)
    return float(array.mean() > 0) if error == 0 else float(stats.t.cdf(array.mean() / error, len(array) - 1))


def pairs_needed(difference: Sequence[float], level: float = 0.95, most: int = 1000) -> int | None:
    """How many pairs like these would make the interval exclude 0; None if more than `most` would be needed."""
    array = np.asarray(difference, dtype=float)
    if len(array) < 2:
        return None
    counts = np.arange(2, most + 1)
    halves = stats.t.ppf((1 + level) / 2, counts - 1) * array.std(ddof=1) / np.sqrt(counts)
    enough = counts[halves < abs(array.mean())]
    return int(enough[0]) if len(enough) else None


def spread(groups: Sequence[Sequence[float]], level: float = 0.95) -> Estimate | None:
    """The standard deviation within groups, pooled, with its chi-square interval; `n` counts all values.

    Over confirmation runs grouped by configuration: what the seed alone does to the outcome. None without a group of
    two.
    """
    arrays = [np.asarray(group, dtype=float) for group in groups if len(group) > 1]
    freedom = sum(len(array) - 1 for array in arrays)
    if not freedom:
        return None
    squares = sum(((array - array.mean()) ** 2).sum() for array in arrays)
    low, high = (squares / stats.chi2.ppf(q, freedom) for q in ((1 + level) / 2, (1 - level) / 2))
    return Estimate(float(np.sqrt(squares / freedom)), float(np.sqrt(low)), float(np.sqrt(high)), freedom + len(arrays))


def rate(hits: int, n: int, level: float = 0.95) -> Estimate:
    """A share with its Wilson interval."""
    interval = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high), n)
