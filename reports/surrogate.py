"""A Gaussian process through the designed trials: the accuracy where no trial was, and how sure one can be of it.

Unless told otherwise it is fitted to the normal scores of the outcomes' ranks, as the test of influence is, since a few
runs that hardly trained would swallow the differences among the good ones; what it predicts is put back on the scale of
accuracy through the outcomes' own quantiles. Inputs are positions on each hyperparameter's own scale, levels one-hot
(Matern 5/2, a length per input; Rasmussen & Williams 2006), and an inert dummy that goes the whole way with the others.

Uncertainty is carried by replicates of the whole function. Each has the kernel of one fold of the cross-validation, for
what the kernel might have been; is conditioned on resampled trials, for which trials there happened to be; and is drawn
from the posterior that they leave, by pathwise conditioning (Wilson et al., ICML 2020), for what lies between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import linalg, optimize, stats
from scipy.spatial.distance import cdist
from scipy.stats import qmc

from reports.scales import Row, at_quantiles, is_numeric, normal_scores, positions

DUMMY = "inert dummy"
FEWEST = 12  # trials
FITTED, CONDITIONED = 48, 256  # of the trials, at most, in their order: those that the kernel is fitted to, and all
FOLDS = 5  # of the cross-validation
DRAWS = 40  # replicates per fold's kernel
FEATURES = 256  # random Fourier features of a posterior draw
SHUFFLES = 19  # of the dummy, the largest of which is a floor at the 5% level
LEAST_R2 = 0.3  # below it the surrogate knows too little to rank anything
AROUND = 32  # points of all other hyperparameters that an effect is averaged over, a power of two
SAMPLES = 1024  # of the space per index, a power of two
VARIANCES, NOISES, LENGTHS = (1e-4, 1e3), (1e-5, 2.0), (0.1, 30.0)  # where a kernel's parameters are looked for


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
        distance = np.sqrt(5) * cdist(one / self.lengths, two / self.lengths)
        return self.variance * (1 + distance + distance**2 / 3) * np.exp(-distance)


class Draws(NamedTuple):
    """Functions from the posterior of one kernel: a prior of random Fourier features, and what the trials put right.

    Matern 5/2 is a scale mixture of Gaussians: its spectrum is that of Student's t with five degrees of freedom.
    """

    kernel: Kernel
    inputs: np.ndarray  # (n, inputs)
    waves: np.ndarray  # (inputs, FEATURES)
    phases: np.ndarray  # (FEATURES,)
    amplitudes: np.ndarray  # (FEATURES, draws)
    weights: np.ndarray  # (n, draws), of the trials

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values `(N, draws)` at inputs `(N, inputs)`."""
        return self.prior(points) + self.kernel(points, self.inputs) @ self.weights

    def prior(self, points: np.ndarray) -> np.ndarray:
        angles = (points @ self.waves + self.phases).astype(np.float32)  # in float64 their cosines cost most of all
        return np.cos(angles) @ self.amplitudes


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A fitted surrogate of `n` trials; `r2` is cross-validated, in scores."""

    space: Mapping[str, Row]  # the searched hyperparameters, then the dummy
    inputs: np.ndarray  # (n, inputs)
    outcome: np.ndarray  # (n,), as trained on
    scores: np.ndarray  # (n,), what is fitted: of mean 0 and variance 1, and in the order of the outcomes
    kernel: Kernel
    folds: list[Kernel]  # as fitted without one fold of the trials each
    r2: float
    seed: int

    @property
    def n(self) -> int:
        return len(self.outcome)

    @cached_property
    def _replicates(self) -> list[Draws]:
        rng = np.random.default_rng(self.seed)
        return [self._draws(kernel, rng) for kernel in self.folds]

    def _draws(self, kernel: Kernel, rng: np.random.Generator) -> Draws:
        """Functions with this kernel, each conditioned on resampled trials of its own."""
        waves = rng.normal(size=(self.inputs.shape[1], FEATURES)) / kernel.lengths[:, None]
        waves /= np.sqrt(rng.chisquare(5, FEATURES) / 5)
        amplitudes = np.sqrt(2 * kernel.variance / FEATURES) * rng.normal(size=(FEATURES, DRAWS)).astype(np.float32)
        phases = rng.uniform(0, 2 * np.pi, FEATURES)
        draws = Draws(kernel, self.inputs, waves, phases, amplitudes, np.zeros((self.n, DRAWS)))
        gram, prior = kernel(self.inputs, self.inputs), draws.prior(self.inputs)
        for column, drawn in zip(draws.weights.T, prior.T, strict=True):
            count = np.bincount(rng.integers(self.n, size=self.n), minlength=self.n)
            seen = count > 0
            noise = kernel.noise / count[seen]
            rest = self.scores[seen] - drawn[seen] - np.sqrt(noise) * rng.normal(size=seen.sum())
            column[seen] = np.linalg.solve(gram[np.ix_(seen, seen)] + np.diag(noise), rest)
        return draws

    def predict(self, points: Mapping[str, np.ndarray]) -> np.ndarray:
        """Scores `(N, 1 + FOLDS * DRAWS)` at positions `(N,)` per hyperparameter: the mean, then every replicate."""
        inputs = encode(points, self.space)
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
            values = (self.predict(points) if replicated else self._mean(encode(points, self.space))).T
            variances.append(values.var(1))
            return values

        uniform = [stats.uniform()] * len(self.space)
        found = stats.sobol_indices(func=function, n=samples, dists=uniform, rng=np.random.default_rng(self.seed))
        spread = (variances[0] + variances[1]) / 2
        noise = [self.kernel.noise]
        if replicated:
            noise += [draws.kernel.noise for draws in self._replicates for _ in range(DRAWS)]
        kept = (spread / (spread + noise))[:, None]
        return np.nan_to_num(found.first_order * kept), np.nan_to_num(found.total_order * kept)

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
        """Scores `(N, 1 + FOLDS * DRAWS)` at positions `(N, len(names))`, averaged over all others (Friedman 2001)."""
        return self.predict(self._around(names, grid)).reshape(len(grid), AROUND, -1).mean(1)

    def mean_along(self, names: tuple[str, ...], grid: np.ndarray) -> np.ndarray:
        """The mean alone of what `along` gives, `(N,)`, at a hundredth of its cost."""
        inputs = encode(self._around(names, grid), self.space)
        return self._mean(inputs).reshape(len(grid), AROUND).mean(1)

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
    folds, r2 = _cross_validated(inputs, scores, kernel)
    return Surrogate(rows, inputs, outcome, scores, kernel, folds, r2, seed)


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


def _fit(inputs: np.ndarray, scores: np.ndarray, start: Kernel | None = None) -> Kernel:
    """The kernel of the largest marginal likelihood, looked for from `start` on, but with every input in play."""
    squares = (inputs[:, None] - inputs[None]) ** 2

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log marginal likelihood, and its slope (Rasmussen & Williams 2006, section 5.4.1)."""
        variance, noise, lengths = np.exp(logs[0]), np.exp(logs[1]), np.exp(logs[2:])
        parts = squares / lengths**2
        distance = np.sqrt(5 * parts.sum(2))
        decay = variance * np.exp(-distance)
        clean = (1 + distance + distance**2 / 3) * decay
        root = linalg.cholesky(clean + noise * np.eye(len(scores)), lower=True)
        inverse = linalg.cho_solve((root, True), np.eye(len(scores)))
        solved = inverse @ scores
        inner = inverse - np.outer(solved, solved)
        along = 5 / 3 * np.einsum("ij,ijk->k", inner * (1 + distance) * decay, parts)
        slope = np.array([(inner * clean).sum(), inner.trace() * noise, *along]) / 2
        return scores @ solved / 2 + np.log(root.diagonal()).sum(), slope

    if start is None:
        start = Kernel(1.0, np.ones(inputs.shape[1]), 0.1)
    else:
        start = start._replace(lengths=np.append(start.lengths[:-1].clip(0.2, 10), 1.0))
    bounds = np.log([VARIANCES, NOISES, *[LENGTHS] * inputs.shape[1]])
    logs = np.log([start.variance, start.noise, *start.lengths])
    variance, noise, *lengths = np.exp(optimize.minimize(loss, logs, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return Kernel(variance, np.array(lengths), noise)


def _cross_validated(inputs: np.ndarray, outcome: np.ndarray, start: Kernel) -> tuple[list[Kernel], float]:
    """A kernel for each fold left out, and the share of variance that each predicts of the trials it has not seen."""
    predicted, kernels = np.empty(len(outcome)), []
    for unseen in np.array_split(np.random.default_rng(0).permutation(len(outcome)), FOLDS):
        seen = np.setdiff1d(np.arange(len(outcome)), unseen)
        kernel = _fit(inputs[seen][:FITTED], outcome[seen][:FITTED], start)
        gram = kernel(inputs[seen], inputs[seen]) + kernel.noise * np.eye(len(seen))
        predicted[unseen] = kernel(inputs[unseen], inputs[seen]) @ np.linalg.solve(gram, outcome[seen])
        kernels.append(kernel)
    return kernels, float(1 - np.mean((outcome - predicted) ** 2) / np.var(outcome))
