"""What a budget buys: the expected best of n trials, and the runs that are best for their cost."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special


def expected_best(values: Sequence[float], most: int | None = None) -> np.ndarray:
    """The expected maximum of n of the values drawn without replacement, for n = 1 to `most`.

    The unbiased form of the estimator of Dodge et al. (EMNLP 2019), whose draws with replacement bias it downward. By
    default it stops at half of the values: beyond that nearly every draw holds the largest one.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    return _weights_of_best(len(ordered), most or max(1, len(ordered) // 2)) @ ordered


def _weights_of_best(total: int, most: int) -> np.ndarray:
    """The probability `(most, total)` that each of `total` ordered values is the largest of n drawn."""
    ranks, draws, log = np.arange(1, total + 1), np.arange(1, most + 1)[:, None], special.gammaln
    below = log(ranks) - log(draws) - log(ranks - draws + 1)  # ways to draw the others; -inf where ranks < draws
    return np.exp(below - (log(total + 1) - log(draws + 1) - log(total - draws + 1)))


def expected_best_band(values: Sequence[float], level: float = 0.95, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of a percentile bootstrap band around `expected_best`; trials are resampled."""
    array = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    samples = np.sort(rng.choice(array, (300, len(array))), axis=1)
    curves = samples @ _weights_of_best(len(array), max(1, len(array) // 2)).T
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def pareto(runs: pd.DataFrame, measure: str = "train_seconds") -> pd.DataFrame:
    """The runs that no other beats in both cost and accuracy, the cheapest first."""
    ordered = runs.sort_values([measure, "objective"], ascending=[True, False])
    return ordered[ordered.objective > ordered.objective.cummax().shift(fill_value=-np.inf)]
