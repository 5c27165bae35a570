"""A Gaussian process fitted to the designed trials: the accuracy between them, and how certain it is.

By default it is fitted to the normal scores of the outcomes' ranks, as the test of influence is: a few runs that hardly
trained would otherwise hide the differences among the good ones. Predictions return to the scale of accuracy through
the quantiles of the outcomes. Inputs are positions on each hyperparameter's own scale, levels one-hot, and an inert
dummy that is treated like the others.

Replicates of the whole function carry the uncertainty. Each has the kernel of one fold of the cross-validation (for the
choice of kernel), is conditioned on resampled trials (for the choice of trials), and is drawn from the posterior (for
the values between trials).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import qmc

from reports.statistics.kernel import DRAWS, FITTED, Draws, Kernel, cross_validated, draw, fit
from reports.statistics.scales import Domains, normal_scores
from study.core.domains import Range

DUMMY = "inert dummy"
FEWEST = 12  # trials
CONDITIONED = 256  # trials, the first ones, that the surrogate rests on
SHUFFLES = 19  # of the dummy; the largest index over them is a floor at the 5% level
LEAST_R2 = 0.3  # below it the surrogate cannot rank hyperparameters
AROUND = 32  # points of all other hyperparameters that an effect is averaged over, a power of two
SAMPLES = 1024  # of the space per index, a power of two


class Share(NamedTuple):
    """A hyperparameter's share of the variance of scores, noise included: alone, and with all its interactions."""

    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted surrogate of `n` trials; `r2` is cross-validated, in scores."""

    domains: Domains  # of the searched hyperparameters, then of the dummy
    inputs: np.ndarray  # (n, inputs)
    outcome: np.ndarray  # (n,)
    scores: np.ndarray  # (n,), which are fitted: mean 0, variance 1, in the order of the outcomes
    kernel: Kernel
    folds: list[Kernel]  # each fitted without one fold of the trials
    r2: float
    seed: int

    @property
    def n(self) -> int:
        return len(self.outcome)

    @property
    def trusted(self) -> bool:
        """Whether it predicts unseen trials well enough to say how much a hyperparameter matters."""
        return self.r2 >= LEAST_R2

    @cached_property
    def _replicates(self) -> list[Draws]:
        rng = np.random.default_rng(self.seed)
        return [draw(kernel, self.inputs, self.scores, rng) for kernel in self.folds]

    def predict(self, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """Scores `(N, 1 + FOLDS * DRAWS)` at positions `(N,)` per hyperparameter: the mean, then every replicate."""
        inputs = encode(points, self.domains)
        return np.hstack([self._mean(inputs), *(draws(inputs) for draws in self._replicates)])

    def _mean(self, inputs: np.ndarray) -> np.ndarray:
        """The posterior mean `(N, 1)` at inputs `(N, inputs)`."""
        return self.kernel(inputs, self.inputs) @ self._weights

    @cached_property
    def _weights(self) -> np.ndarray:
        gram = self.kernel(self.inputs, self.inputs) + self.kernel.noise * np.eye(self.n)
        return np.linalg.solve(gram, self.scores)[:, None]

    def accuracy(self, scores: np.ndarray) -> np.ndarray:
        """The outcomes that have these scores, between the lowest and the highest seen."""
        return np.interp(scores, np.sort(self.scores), np.sort(self.outcome))

    def shares(self) -> dict[str, Share]:
        """Every hyperparameter's first-order and total Sobol index, with 95% intervals, the dummy's last."""
        first, total = self._indices(SAMPLES, replicated=True)
        rows = {}
        for place, name in enumerate(self.domains):
            intervals = (np.quantile(index[1:, place], [0.025, 0.975]) for index in (first, total))
            (low, high), (total_low, total_high) = (np.clip(ends, 0, 1) for ends in intervals)
            rows[name] = Share(*map(float, (first[0, place], low, high, total[0, place], total_low, total_high)))
        return rows

    def _indices(self, samples: int, replicated: bool) -> tuple[np.ndarray, np.ndarray]:
        """First-order and total indices `(functions, hyperparameters)` in the variance of scores, noise included."""
        variances: list[np.ndarray] = []

        def function(quantiles: np.ndarray) -> np.ndarray:
            points = points_at(quantiles, self.domains)
            values = (self.predict(points) if replicated else self._mean(encode(points, self.domains))).T
            variances.append(values.var(1))
            return values

        uniform = [stats.uniform()] * len(self.domains)
        found = stats.sobol_indices(func=function, n=samples, dists=uniform, rng=np.random.default_rng(self.seed))
        spread = (variances[0] + variances[1]) / 2
        noise = [self.kernel.noise]
        if replicated:
            noise += [draws.kernel.noise for draws in self._replicates for _ in range(DRAWS)]
        kept = (spread / (spread + noise))[:, None]
        return np.nan_to_num(found.first_order * kept), np.nan_to_num(found.total_order * kept)

    @cached_property
    def floor(self) -> float:
        """What an irrelevant hyperparameter may reach: the largest total index over shuffles of the dummy."""
        rng = np.random.default_rng([self.seed, 2])
        return max(self._shuffled(rng) for _ in range(SHUFFLES))

    def _shuffled(self, rng: np.random.Generator) -> float:
        inputs = np.column_stack([self.inputs[:, :-1], rng.permutation(self.inputs[:, -1])])
        kernel = fit(inputs[:FITTED], self.scores[:FITTED], self.kernel)
        return float(replace(self, inputs=inputs, kernel=kernel)._indices(256, replicated=False)[1][0, -1])

    def along(self, names: tuple[str, ...], grid: np.ndarray) -> np.ndarray:
        """Scores `(N, 1 + FOLDS * DRAWS)` at positions `(N, len(names))`, averaged over all others (Friedman 2001)."""
        return self.predict(self._around(names, grid)).reshape(len(grid), AROUND, -1).mean(1)

    def mean_along(self, names: tuple[str, ...], grid: np.ndarray) -> np.ndarray:
        """The first column of `along`, `(N,)`, at a hundredth of its cost."""
        inputs = encode(self._around(names, grid), self.domains)
        return self._mean(inputs).reshape(len(grid), AROUND).mean(1)

    def _around(self, names: tuple[str, ...], grid: np.ndarray) -> dict[str, np.ndarray]:
        """The points of a grid, each with the same even sample of all other hyperparameters."""
        others = points_at(qmc.Sobol(len(self.domains), rng=self.seed).random(AROUND).T, self.domains)
        points = {name: np.tile(values, len(grid)) for name, values in others.items()}
        return points | {name: np.repeat(values, AROUND) for name, values in zip(names, grid.T, strict=True)}


def fit_surrogate(
    trials: pd.DataFrame,
    domains: Domains,
    score: Callable[[np.ndarray], np.ndarray] = normal_scores,
    seed: int = 0,
) -> Surrogate | None:
    """The surrogate of `trials.objective`; None for too few trials, or where all outcomes are equal."""
    trials = trials.head(CONDITIONED)  # the start of a Sobol design covers the space as evenly as the whole
    outcome = trials.objective.to_numpy(float)
    if len(outcome) < max(FEWEST, 2 * len(domains)) or np.ptp(outcome) == 0:
        return None
    points = {name: domain.positions(trials[name]) for name, domain in domains.items()}
    points[DUMMY] = np.random.default_rng([seed, 3]).random(len(outcome))
    domains = {**domains, DUMMY: Range(0.0, 1.0)}
    inputs, scores = encode(points, domains), score(outcome)
    kernel = fit(inputs[:FITTED], scores[:FITTED])
    folds, r2 = cross_validated(inputs, scores, kernel)
    return Surrogate(domains, inputs, outcome, scores, kernel, folds, r2, seed)


def points_at(quantiles: np.ndarray, domains: Domains) -> dict[str, np.ndarray]:
    """Positions per hyperparameter at quantiles `(hyperparameters, N)` of an evenly sampled space."""
    return {name: domain.positions_at(row) for (name, domain), row in zip(domains.items(), quantiles, strict=True)}


def encode(points: Mapping[str, np.ndarray], domains: Domains) -> np.ndarray:
    """Inputs `(N, inputs)` of the kernel; two levels of an unordered hyperparameter lie at a distance of 1."""
    blocks = []
    for name, domain in domains.items():
        if domain.numeric:
            blocks.append(points[name][:, None])
        else:
            blocks.append((points[name][:, None] == np.arange(len(domain.ends))) / np.sqrt(2))
    return np.hstack(blocks).astype(float)
