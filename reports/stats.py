"""Statistics of finished runs: pure functions of arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats


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
    """Whether values are equal but for rounding, as differences of the same two shares are not always bit for bit."""
    array = np.asarray(values, dtype=float)
    return bool(np.ptp(array) <= 1e-9 * np.abs(array).max())


def mean_interval(
    values: Sequence[float], level: float = 0.95, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> Estimate:
    """The mean of independent values and its Student t interval, cut off at the values' possible bounds.

    At five seeds this interval, unlike a bootstrap's, covers at its nominal rate: of 1,500 samples of five normal
    values it covered the mean in 95%, scipy's BCa bootstrap in 83%.
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


def probability_positive(difference: Sequence[float]) -> float | None:
    """How probable it is that the mean behind paired differences is above 0, as Student's t has it; None below two."""
    array = np.asarray(difference, dtype=float)
    if len(array) < 2:
        return None
    if is_constant(array):
        return float(array[0] > 0)
    return float(stats.t.cdf(array.mean() / stats.sem(array), len(array) - 1))


def pairs_needed(difference: Sequence[float], level: float = 0.95, power: float = 0.8, most: int = 1000) -> int | None:
    """How many pairs like these a paired t test needs to find their mean with that power; None if more than `most`."""
    array = np.asarray(difference, dtype=float)
    if len(array) < 2 or is_constant(array):
        return None
    counts = np.arange(2, most + 1)
    critical = stats.t.ppf((1 + level) / 2, counts - 1)
    shift = abs(array.mean()) / array.std(ddof=1) * np.sqrt(counts)
    enough = counts[stats.nct.sf(critical, counts - 1, shift) >= power]
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
    squares = sum(((array - array.mean()) ** 2).sum() for array in arrays if not is_constant(array))
    low, high = (squares / stats.chi2.ppf(q, freedom) for q in ((1 + level) / 2, (1 - level) / 2))
    return Estimate(float(np.sqrt(squares / freedom)), float(np.sqrt(low)), float(np.sqrt(high)), freedom + len(arrays))


def smallest_difference(deviation: float, pairs: int, level: float = 0.95, power: float = 0.8) -> float:
    """The mean difference between two configurations that a paired t test would find with that power.

    `deviation` is the standard deviation of one configuration over seeds; the two are taken to vary independently.
    Infinite below two pairs.
    """
    if pairs < 2:
        return float("inf")
    critical = stats.t.ppf((1 + level) / 2, pairs - 1)

    def missing(shift: float) -> float:
        return stats.nct.sf(critical, pairs - 1, shift) - power

    return float(optimize.brentq(missing, 0, critical + 20) * deviation * np.sqrt(2 / pairs))


def rate(hits: int, n: int, level: float = 0.95) -> Estimate:
    """A share with its Wilson interval."""
    interval = stats.binomtest(hits, n).proportion_ci(level, method="wilson")
    return Estimate(hits / n, float(interval.low), float(interval.high), n)


def expected_best(values: Sequence[float], most: int | None = None) -> np.ndarray:
    """The expected maximum of n of the values drawn without replacement, for n = 1 to `most`.

    The unbiased form of the estimator of Dodge et al. (EMNLP 2019), who draw with replacement, which is too low. Beyond
    half of the values few draws are left that do not hold the largest, so by default it stops there.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    return _weights_of_best(len(ordered), most or max(1, len(ordered) // 2)) @ ordered


def _weights_of_best(total: int, most: int) -> np.ndarray:
    """How probable it is that each of `total` ordered values is the largest of n drawn, `(most, total)`."""
    ranks, draws, log = np.arange(1, total + 1), np.arange(1, most + 1)[:, None], special.gammaln
    below = log(ranks) - log(draws) - log(ranks - draws + 1)  # ways to draw the others; none where ranks < draws
    return np.exp(below - (log(total + 1) - log(draws + 1) - log(total - draws + 1)))


def expected_best_band(values: Sequence[float], level: float = 0.95, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of a percentile bootstrap band about `expected_best`, which resamples the trials."""
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    samples = np.sort(rng.choice(array, (300, len(array))), axis=1)
    curves = samples @ _weights_of_best(len(array), max(1, len(array) // 2)).T
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
