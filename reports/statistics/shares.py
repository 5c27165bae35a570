"""Shares of the variance: how much each hyperparameter matters among trials that train."""

from typing import NamedTuple

import numpy as np
from scipy.stats import qmc

from hyperstudy.reports.statistics.posterior import Posterior, points_at

SAMPLES = 512  # of the space, a power of two
LEAST = 0.03  # a smaller share hardly matters


class Share(NamedTuple):
    """A hyperparameter's share of the variance of scores, noise included: alone, and with all its interactions.

    `matters` is the probability that the total exceeds `LEAST`.
    """

    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float
    matters: float


def shares(posterior: Posterior) -> dict[str, Share]:
    """Every hyperparameter's first-order and total share, posterior medians with 95% intervals.

    Of two configurations that both train and differ in this hyperparameter only, the total is half the mean squared
    difference, over the variance among configurations that train (Jansen 1999; Saltelli et al. 2010). The first-order
    share is what is left of the variance without half the mean squared difference of two that both train and agree in
    this one only.
    """
    first, total = _indices(posterior)
    return {
        name: Share(*_interval(first[place]), *_interval(total[place]), float((total[place] > LEAST).mean()))
        for place, name in enumerate(posterior.domains)
    }


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return float(middle), float(low), float(high)


def _indices(posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """First-order and total shares `(hyperparameters, draws)`."""
    domains = posterior.domains
    quantiles = qmc.Sobol(2 * len(domains), rng=posterior.seed).random(SAMPLES).T
    one, two = (points_at(half, domains) for half in np.split(quantiles, 2))
    values, weights = posterior.draws(one), posterior.trains(one)
    others, other_weights = posterior.draws(two), posterior.trains(two)
    mean = np.average(values, axis=0, weights=weights)
    variance = np.average((values - mean) ** 2, axis=0, weights=weights)
    spread = variance + posterior.noise
    first, total = [], []
    for name in domains:
        mixed = {**one, name: two[name]}
        moved, likely = posterior.draws(mixed), posterior.trains(mixed)
        total.append(_half_square(values, moved, weights * likely) / spread)
        first.append((variance - _half_square(others, moved, other_weights * likely)) / spread)
    return np.clip(first, 0, 1), np.clip(total, 0, 1)


def _half_square(one: np.ndarray, two: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Half the weighted mean squared difference, per draw."""
    return np.average((one - two) ** 2, axis=0, weights=weights) / 2
