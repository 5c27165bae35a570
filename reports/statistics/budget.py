"""What a budget buys: the expected best of n trials, and the runs that are best for their cost."""

import numpy as np
import pandas as pd
from scipy import special
from scipy.stats import qmc

from hyperstudy.reports.statistics.posterior import Posterior, points_at

SAMPLES = 256  # random configurations at least, a power of two


def expected_best(posterior: Posterior, failed: float, most: int, seed: int = 0) -> np.ndarray:
    """The expected best of n random trials for n = 1 to `most`: rows low, middle and high of a 95% interval.

    For each function of the posterior, outcomes of random configurations with their noise; a trial that does not train
    has the outcome `failed`. A bootstrap of the designed trials alone cannot exceed the best that was seen.
    """
    samples = max(SAMPLES, 1 << (most - 1).bit_length())  # the next power of two: no more can be drawn than there are
    quantiles = qmc.Sobol(len(posterior.domains), rng=seed).random(samples).T
    points, rng = points_at(quantiles, posterior.domains), np.random.default_rng(seed)
    scores = posterior.draws(points)
    outcomes = posterior.warp.outcome(scores + np.sqrt(posterior.noise) * rng.normal(size=scores.shape))
    outcomes[rng.random(outcomes.shape) > posterior.trains(points)[:, None]] = failed
    best = weights_of_best(samples, most) @ np.sort(outcomes, axis=0)
    return np.quantile(best, [0.025, 0.5, 0.975], axis=1)


def weights_of_best(total: int, most: int) -> np.ndarray:
    """The probability `(most, total)` that each of `total` ordered values is the largest of n drawn without
    replacement, `most` at most `total`: the unbiased form of the estimator of Dodge et al. (EMNLP 2019)."""
    ranks, draws, log = np.arange(1, total + 1), np.arange(1, most + 1)[:, None], special.gammaln
    below = log(ranks) - log(draws) - log(ranks - draws + 1)  # ways to draw the others; -inf where ranks < draws
    return np.exp(below - (log(total + 1) - log(draws + 1) - log(total - draws + 1)))


def pareto(runs: pd.DataFrame, measure: str = "train_seconds") -> pd.DataFrame:
    """The runs that no other beats in both cost and objective, the cheapest first."""
    ordered = runs.sort_values([measure, "objective"], ascending=[True, False])
    return ordered[ordered.objective > ordered.objective.cummax().shift(fill_value=-np.inf)]
