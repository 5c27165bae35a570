"""A Gaussian process through the designed trials: the accuracy where no trial was, and how sure one can be of it.

Unless told otherwise it is fitted to the normal scores of the outcomes' ranks, as the test of influence is, since a few
runs that hardly trained would swallow the differences among the good ones; what it predicts is put back on the scale of
accuracy through the outcomes' own quantiles. Inputs are positions on each hyperparameter's own scale, levels one-hot
(Matern 5/2, a length per input; Rasmussen & Williams 2006), and an inert dummy that goes the whole way with the others.

Uncertainty is carried by replicates of the whole function. Each is fitted to resampled trials, for which trials there
happened to be, and drawn from the posterior that they leave, by pathwise conditioning (Wilson et al., ICML 2020), for
what lies between them.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import qmc

from reports.scales import Row, at_quantiles, is_numeric, normal_scores, positions

DUMMY = "inert dummy"
FEWEST = 12  # trials
FITTED, CONDITIONED = 48, 256  # of the trials, at most, in their order: those that the kernel is fitted to, and all
REPLICATES = 200
FEATURES = 256  # random Fourier features of a posterior draw
SHUFFLES = 19  # of the dummy, the largest of which is a floor at the 5% level
LEAST_R2 = 0.3  # below it the surrogate knows too little to rank anything
AROUND = 32  # points of all other hyperparameters that an effect is averaged over, a power of two
SAMPLES = 1024  # of the space per index, a power of two


class Share(NamedTuple):
    """A hyperparameter's part in the variance of scores, noise included: alone, and with all its interactions."""

    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float


class Kernel(NamedTuple):
    """Matern 5/2 with a length per input, `variance`, and the variance of the noise."""

    variance: float
    lengths: np.ndarray
    noise: float

    def __call__(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        from scipy.spatial.distance import cdist

        distance = np.sqrt(5) * cdist(one / self.lengths, two / self.lengths)
        return self.variance * (1 + distance + distance**2 / 3) * np.exp(-distance)


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted surrogate of `n` trials; `r2` is cross-validated, in scores."""

    space: Mapping[str, Row]  # the searched hyperparameters, then the dummy
    inputs: np.ndarray  # (n, inputs)
    outcome: np.ndarray  # (n,), as trained on
    scores: np.ndarray  # (n,), what is fitted: of mean 0 and variance 1, and in the order of the outcomes
    kernel: Kernel
    r2: float
    seed: int

    @property
    def n(self) -> int:
        return len(self.outcome)

    @cached_property
    def _weights(self) -> np.ndarray:
        """Of the trials in the posterior mean and in every replicate: `(n, 1 + REPLICATES)`."""
        rng, gram = np.random.default_rng(self.seed), self.kernel(self.inputs, self.inputs)
        prior, weights = self._prior(self.inputs), np.zeros((self.n, REPLICATES))
        for column, drawn in zip(weights.T, prior.T, strict=True):
            count = np.bincount(rng.integers(self.n, size=self.n), minlength=self.n)
            seen = count > 0
            noise = self.kernel.noise / count[seen]
            rest = self.scores[seen] - drawn[seen] - np.sqrt(noise) * rng.normal(size=seen.sum())
            column[seen] = np.linalg.solve(gram[np.ix_(seen, seen)] + np.diag(noise), rest)
        mean = np.linalg.solve(gram + self.kernel.noise * np.eye(self.n), self.scores)
        return np.column_stack([mean, weights])

    @cached_property
    def _frequencies(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the prior's random Fourier features: Matern 5/2 is a scale mixture, its spectrum a t distribution's."""
        rng = np.random.default_rng([self.seed, 1])
        waves = rng.normal(size=(self.inputs.shape[1], FEATURES)) / self.kernel.lengths[:, None]
        waves /= np.sqrt(rng.chisquare(5, FEATURES) / 5)
        return waves, rng.uniform(0, 2 * np.pi, FEATURES), rng.normal(size=(FEATURES, REPLICATES))

    def _prior(self, inputs: np.ndarray) -> np.ndarray:
        waves, phases, weights = self._frequencies
        return np.sqrt(2 * self.kernel.variance / FEATURES) * np.cos(inputs @ waves + phases) @ weights

    def predict(self, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """Scores `(N, 1 + REPLICATES)` at positions `(N,)` per hyperparameter: the mean, then every replicate."""
        inputs = encode(points, self.space)
        scores = self.kernel(inputs, self.inputs) @ self._weights
        scores[:, 1:] += self._prior(inputs)
        return scores

    def accuracy(self, scores: np.ndarray) -> np.ndarray:
        """The outcomes that have these scores, between the lowest and the highest seen."""
        return np.interp(scores, np.sort(self.scores), np.sort(self.outcome))

    def shares(self) -> dict[str, Share]:
        """Every hyperparameter's first-order and total Sobol index, with 95% intervals, the dummy's last."""
        first, total = self._indices(SAMPLES, replicated=True)
        rows = {}
        for place, name in enumerate(self.space):
            intervals = (np.quantile(index[1:, place], [0.025, 0.975]) for index in (first, total))
            (low, high), (total_low, total_high) = (np.clip(ends, 0, 1) for ends in intervals)
            rows[name] = Share(*map(float, (first[0, place], low, high, total[0, place], total_low, total_high)))
        return rows

    def _indices(self, samples: int, replicated: bool) -> tuple[np.ndarray, np.ndarray]:
        """First-order and total indices `(functions, hyperparameters)` in the variance of scores, noise included."""
        variances: list[np.ndarray] = []

        def function(quantiles: np.ndarray) -> np.ndarray:
            points = points_at(quantiles, self.space)
            if replicated:
                values = self.predict(points).T
            else:
                values = (self.kernel(encode(points, self.space), self.inputs) @ self._alone).T
            variances.append(values.var(1))
            return values

        uniform = [stats.uniform()] * len(self.space)
        found = stats.sobol_indices(func=function, n=samples, dists=uniform, rng=np.random.default_rng(self.seed))
        spread = (variances[0] + variances[1]) / 2
        kept = (spread / (spread + self.kernel.noise))[:, None]
        return np.nan_to_num(found.first_order * kept), np.nan_to_num(found.total_order * kept)

    @cached_property
    def _alone(self) -> np.ndarray:
        gram = self.kernel(self.inputs, self.inputs) + self.kernel.noise * np.eye(self.n)
        return np.linalg.solve(gram, self.scores)[:, None]

    @cached_property
    def floor(self) -> float:
        """The largest total index of the dummy over shuffles of its values: what an inert hyperparameter may reach."""
        rng = np.random.default_rng([self.seed, 2])
        return max(self._shuffled(rng) for _ in range(SHUFFLES))

    def _shuffled(self, rng: np.random.Generator) -> float:
        inputs = np.column_stack([self.inputs[:, :-1], rng.permutation(self.inputs[:, -1])])
        kernel = _fit(inputs[:FITTED], self.scores[:FITTED], self.kernel)
        return float(replace(self, inputs=inputs, kernel=kernel)._indices(256, replicated=False)[1][0, -1])

    def along(self, names: tuple[str, ...], grid: np.ndarray) -> np.ndarray:
        """Scores `(N, 1 + REPLICATES)` at positions `(N, len(names))`, averaged over all others (Friedman 2001)."""
        return self.predict(self._around(names, grid)).reshape(len(grid), AROUND, -1).mean(1)

    def mean_along(self, names: tuple[str, ...], grid: np.ndarray) -> np.ndarray:
        """The mean alone of what `along` gives, `(N,)`, at a hundredth of its cost."""
        inputs = encode(self._around(names, grid), self.space)
        return (self.kernel(inputs, self.inputs) @ self._alone).reshape(len(grid), AROUND).mean(1)

    def _around(self, names: tuple[str, ...], grid: np.ndarray) -> dict[str, np.ndarray]:
        """The points of a grid, each with the same even sample of all other hyperparameters."""
        others = points_at(qmc.Sobol(len(self.space), rng=self.seed).random(AROUND).T, self.space)
        points = {name: np.tile(values, len(grid)) for name, values in others.items()}
        return points | {name: np.repeat(values, AROUND) for name, values in zip(names, grid.T, strict=True)}


def fit_surrogate(
    trials: pd.DataFrame,
    space: Mapping[str, Row],
    score: Callable[[np.ndarray], np.ndarray] = normal_scores,
    seed: int = 0,
) -> Surrogate | None:
    """The surrogate of `trials.objective` over the searched hyperparameters of the space; None for too few trials, or
    where all outcomes are equal."""
    searched = {name: row for name, row in space.items() if row["kind"] != "fixed"}
    trials = trials.head(CONDITIONED)  # of a Sobol design these cover the space as evenly as all
    outcome = trials.objective.to_numpy(float)
    if len(outcome) < max(FEWEST, 2 * len(searched)) or np.ptp(outcome) == 0:
        return None
    rows = {**searched, DUMMY: {"kind": "range", "low": 0.0, "high": 1.0, "log": False}}
    points = {name: positions(trials[name], row) for name, row in searched.items()}
    points[DUMMY] = np.random.default_rng([seed, 3]).random(len(outcome))
    inputs, scores = encode(points, rows), score(outcome)
    kernel = _fit(inputs[:FITTED], scores[:FITTED])
    return Surrogate(rows, inputs, outcome, scores, kernel, _cross_validated(inputs, scores), seed)


def points_at(quantiles: np.ndarray, space: Mapping[str, Row]) -> dict[str, np.ndarray]:
    """Positions per hyperparameter at quantiles `(hyperparameters, N)` of an evenly sampled space."""
    return {name: at_quantiles(row, space[name]) for name, row in zip(space, quantiles, strict=True)}


def encode(points: Mapping[str, np.ndarray], space: Mapping[str, Row]) -> np.ndarray:
    """Inputs `(N, inputs)` of the kernel; two levels of an unordered hyperparameter lie at a distance of 1."""
    blocks = []
    for name, row in space.items():
        if is_numeric(row):
            blocks.append(points[name][:, None])
        else:
            blocks.append((points[name][:, None] == np.arange(len(row["options"]))) / np.sqrt(2))
    return np.hstack(blocks).astype(float)


def _fit(inputs: np.ndarray, outcome: np.ndarray, start: Kernel | None = None) -> Kernel:
    """The kernel of the largest marginal likelihood, looked for from `start` on, but with every input in play."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    lengths = np.ones(inputs.shape[1]) if start is None else np.append(start.lengths[:-1].clip(0.2, 10), 1.0)
    variance, noise = (1.0, 0.1) if start is None else (start.variance, start.noise)
    matern = Matern(lengths, (0.1, 30.0), nu=2.5)
    prior = ConstantKernel(variance, (1e-4, 1e3)) * matern + WhiteKernel(noise, (1e-5, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length or a variance at its bound means: inert
        fitted = GaussianProcessRegressor(prior).fit(inputs, outcome).kernel_
    lengths = np.broadcast_to(fitted.k1.k2.length_scale, inputs.shape[1])
    return Kernel(fitted.k1.k1.constant_value, lengths, fitted.k2.noise_level)


def _cross_validated(inputs: np.ndarray, outcome: np.ndarray, folds: int = 5) -> float:
    """The share of variance that a surrogate predicts of trials which it has not seen, each fold with its own fit."""
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold

    predicted = np.empty(len(outcome))
    for seen, unseen in KFold(folds, shuffle=True, random_state=0).split(inputs):
        kernel = _fit(inputs[seen][:FITTED], outcome[seen][:FITTED])
        gram = kernel(inputs[seen], inputs[seen]) + kernel.noise * np.eye(len(seen))
        predicted[unseen] = kernel(inputs[unseen], inputs[seen]) @ np.linalg.solve(gram, outcome[seen])
    return float(r2_score(outcome, predicted))
