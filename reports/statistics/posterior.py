"""A Gaussian process of the objective over the space, with honest uncertainty.

It rests on all finished trials that trained: which points a sampler chose depends on earlier outcomes only, so that a
posterior may use them all. The objective is replaced by normal scores, the quantiles that the designed trials' ranks
have in a normal distribution: a few runs that hardly trained would otherwise hide the differences among the good ones.
Predictions return to the objective's own scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from hyperstudy.reports.statistics.kernel import (
    LENGTH,
    Functions,
    Kernel,
    draw_functions,
    draw_kernels,
    log_evidence,
    matern,
)
from hyperstudy.reports.statistics.scales import Domains

Points = Mapping[str, np.ndarray]  # positions `(N,)` of every hyperparameter on its own scale

FEWEST = 8  # trials that trained
KERNELS, DRAWS = 50, 4  # drawn from the posterior, and functions with each
CONDITIONED, FITTED = 256, 64  # trials that functions rest on, and kernels
TAIL = 0.25  # of the outcomes, the largest, whose slope goes on above them
NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)  # of the mean over normal noise


class Warp(NamedTuple):
    """A monotone map between outcomes and scores through the given pairs.

    It goes on along a straight line above the largest outcome, where the search may get, but not below the smallest.
    """

    outcomes: np.ndarray  # ascending
    scores: np.ndarray
    slope: float  # scores per outcome above the largest
    most: float  # the largest outcome that is possible

    def score(self, outcomes: np.ndarray) -> np.ndarray:
        inside = np.interp(outcomes, self.outcomes, self.scores)
        return inside + self.slope * np.maximum(outcomes - self.outcomes[-1], 0)

    def outcome(self, scores: np.ndarray) -> np.ndarray:
        inside = np.interp(scores, self.scores, self.outcomes)
        return np.minimum(inside + np.maximum(scores - self.scores[-1], 0) / self.slope, self.most)


def make_warp(outcomes: np.ndarray, most: float = np.inf) -> Warp:
    """The warp that gives these outcomes the normal scores of their ranks; at least two must differ."""
    ranks = stats.norm.ppf((stats.rankdata(outcomes) - 0.5) / len(outcomes))
    values, places = np.unique(outcomes, return_index=True)
    scores = ranks[places]
    end = max(1, int(TAIL * (len(values) - 1)))
    slope = (scores[-1] - scores[-1 - end]) / (values[-1] - values[-1 - end])
    return Warp(values, scores, float(slope), most)


@dataclass(frozen=True, eq=False)
class Posterior:
    """What `n` trials that trained say of every other configuration."""

    domains: Domains
    inputs: np.ndarray  # (n, inputs)
    scores: np.ndarray  # (n,)
    warp: Warp
    tried: np.ndarray  # (all trials, inputs), those that did not train included
    trained: np.ndarray  # (all trials,)
    seed: int

    @property
    def n(self) -> int:
        return len(self.scores)

    @cached_property
    def kernels(self) -> list[Kernel]:
        """Kernels from their posterior, each with a length per input."""
        some = self._some(FITTED)
        rng = np.random.default_rng([self.seed, 1])
        drawn = draw_kernels(self._squares(some), self.scores[some], KERNELS, rng)
        owners = self._owners
        return [kernel._replace(lengths=kernel.lengths[owners]) for kernel in drawn]

    @cached_property
    def noise(self) -> np.ndarray:
        """The variance of the noise in scores, `(draws,)`."""
        return np.repeat([kernel.noise for kernel in self.kernels], DRAWS)

    @cached_property
    def nothing(self) -> float:
        """The probability that no hyperparameter matters among trials that train, from even odds."""
        some = self._some(FITTED)
        odds = np.exp(min(log_evidence(self._squares(some), self.scores[some], np.random.default_rng(self.seed)), 500))
        return float(1 / (1 + odds))

    def draws(self, points: Points) -> np.ndarray:
        """Scores `(N, draws)` without noise: a column per function from the posterior."""
        inputs = encode(points, self.domains)
        return np.hstack([functions(inputs) for functions in self._functions])

    def outcomes(self, points: Points) -> np.ndarray:
        """The objective's means `(N, draws)` over the noise of training: a column per function from the posterior."""
        scores, spread = self.draws(points), np.sqrt(self.noise)
        parts = [w * self.warp.outcome(scores + node * spread) for node, w in zip(NODES, NODE_WEIGHTS, strict=True)]
        return np.sum(parts, axis=0) / NODE_WEIGHTS.sum()

    def trains(self, points: Points) -> np.ndarray:
        """The probability `(N,)` that a configuration trains: a smooth rate of the trials near it."""
        rate = self.trained.mean()
        if rate == 1:
            return np.ones(len(next(iter(points.values()))))
        length = LENGTH[0] * np.sqrt(len(self.domains))

        def near(one: np.ndarray) -> np.ndarray:
            return matern(np.sqrt(((one[:, None] - self.tried[None]) ** 2).sum(2)) / length, 1.0)

        weights = np.linalg.solve(near(self.tried) + 0.5 * np.eye(len(self.tried)), self.trained - rate)
        return np.clip(rate + near(encode(points, self.domains)) @ weights, 0, 1)

    @cached_property
    def _functions(self) -> list[Functions]:
        rng, some = np.random.default_rng([self.seed, 2]), self._some(CONDITIONED)
        return [draw_functions(kernel, self.inputs[some], self.scores[some], DRAWS, rng) for kernel in self.kernels]

    def _some(self, count: int) -> np.ndarray:
        """At most so many of the trials: the first half of them, then others at random."""
        if self.n <= count:
            return np.arange(self.n)
        later = np.random.default_rng(self.seed).permutation(np.arange(count // 2, self.n))
        return np.concatenate([np.arange(count // 2), later[: count - count // 2]])

    @cached_property
    def _owners(self) -> np.ndarray:
        """The number of the hyperparameter to which each input belongs."""
        widths = [1 if domain.numeric else len(domain.ends) for domain in self.domains.values()]
        return np.repeat(np.arange(len(widths)), widths)

    def _squares(self, some: np.ndarray) -> np.ndarray:
        """Squared distances `(hyperparameters, n, n)` of some trials."""
        columns = (self.inputs[some, None] - self.inputs[None, some]) ** 2
        owners = self._owners
        return np.stack([columns[..., owners == owner].sum(2) for owner in range(len(self.domains))])


def fit_posterior(
    trials: pd.DataFrame,
    domains: Domains,
    trained: pd.Series,
    designed: pd.Series,
    most: float = np.inf,
    seed: int = 0,
) -> Posterior | None:
    """The posterior of `trials.objective`, larger being better; None for too few that trained, or where all of these
    are equal. `trained` and `designed` say which trials trained, and which were not chosen by their outcomes; `most` is
    the largest objective that is possible."""
    reference = trials.objective[trained & designed]
    if trained.sum() < FEWEST or reference.nunique() < 2 or not domains:
        return None
    tried = encode({name: domain.positions(trials[name]) for name, domain in domains.items()}, domains)
    warp = make_warp(reference.to_numpy(float), most)
    mask = trained.to_numpy(bool)
    scores = warp.score(trials.objective.to_numpy(float)[mask])
    return Posterior(domains, tried[mask], scores, warp, tried, mask.astype(float), seed)


def encode(points: Points, domains: Domains) -> np.ndarray:
    """Inputs `(N, inputs)` of the kernel; two levels of an unordered hyperparameter lie at a distance of 1."""
    blocks = []
    for name, domain in domains.items():
        if domain.numeric:
            blocks.append(points[name][:, None])
        else:
            blocks.append((points[name][:, None] == np.arange(len(domain.ends))) / np.sqrt(2))
    return np.hstack(blocks).astype(float)


def points_at(quantiles: np.ndarray, domains: Domains) -> dict[str, np.ndarray]:
    """Positions per hyperparameter at quantiles `(hyperparameters, N)` of an evenly sampled space."""
    return {name: domain.positions_at(row) for (name, domain), row in zip(domains.items(), quantiles, strict=True)}
