"""What finished runs say: rates, spreads, and how many runs would find a difference."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from hyperstudy.study.comparisons.seeds import is_constant, variances


class Interval(NamedTuple):
    """An estimate from `n` values with its confidence interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def pairs_needed(difference: Sequence[float], level: float = 0.95, power: float = 0.8, most: int = 1000) -> int | None:
    """The number of such pairs with which a paired t test finds their mean with that power; None beyond `most`."""
    array = np.asarray(difference, dtype=float)
    if len(array) < 2 or is_constant(array):
        return None
    counts = np.arange(2, most + 1)
    critical = stats.t.ppf((1 + level) / 2, counts - 1)
    shift = abs(array.mean()) / array.std(ddof=1) * np.sqrt(counts)
    enough = counts[stats.nct.sf(critical, counts - 1, shift) >= power]
    return int(enough[0]) if len(enough) else None


def seeds_needed(difference: np.ndarray, level: float = 0.95, power: float = 0.8, most: int = 1000) -> int | None:
    """The number of seeds with which four studies in five find the mean of differences `(seeds, pictures)` on so many
    pictures; None beyond `most`, as where the pictures are too few for any number of seeds."""
    found, pictures, mean = variances(difference), difference.shape[1], abs(difference.mean())
    for count in range(2, most + 1):
        shift = stats.t.ppf((1 + level) / 2, count - 1) + stats.t.ppf(power, count - 1)
        if mean >= shift * found.error(count, pictures):
            return count
    return None


def spread(groups: Sequence[Sequence[float]], level: float = 0.95) -> Interval | None:
    """The standard deviation within groups, pooled, with its chi-square interval; `n` counts all values.

    Over confirmation runs grouped by configuration this is the noise of the seed. None without a group of two.
    """
    arrays = [np.asarray(group, dtype=float) for group in groups if len(group) > 1]
    freedom = sum(len(array) - 1 for array in arrays)
    if not freedom:
        return None
    squares = sum(((array - array.mean()) ** 2).sum() for array in arrays if not is_constant(array))
    low, high = (squares / stats.chi2.ppf(q, freedom) for q in ((1 + level) / 2, (1 - level) / 2))
    return Interval(float(np.sqrt(squares / freedom)), float(np.sqrt(low)), float(np.sqrt(high)), freedom + len(arrays))


def smallest_difference(deviation: float, pairs: int, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest mean difference between two configurations that a paired t test finds with that power.

    `deviation` is the standard deviation of one configuration over seeds; the two are assumed to vary independently.
    Infinite below two pairs.
    """
    if pairs < 2:
        return float("inf")
    critical = stats.t.ppf((1 + level) / 2, pairs - 1)

    def missing(shift: float) -> float:
        return stats.nct.sf(critical, pairs - 1, shift) - power

    return float(optimize.brentq(missing, 0, critical + 20) * deviation * np.sqrt(2 / pairs))


def rate(hits: int, n: int, level: float = 0.95) -> Interval:
    """A share with its Wilson interval."""
    interval = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Interval(hits / n, float(interval.low), float(interval.high), n)
