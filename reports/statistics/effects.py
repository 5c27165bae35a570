"""What moving a hyperparameter does, in points of the objective."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import qmc

from hyperstudy.reports.statistics.posterior import Posterior, points_at
from hyperstudy.study.core.domains import Domain, Range

GRID = 21  # points along a range
AROUND = 64  # points of all other hyperparameters that an effect is averaged over, a power of two
POINT = 0.01  # of accuracy
NAMED = 0.9  # probability that the average is larger at the best place than at the worst one
LISTED = 24  # whole numbers in a range that are tried one by one


class Curve(NamedTuple):
    """The objective along one hyperparameter at `positions` (N,): a column of `draws` (N, draws) per function."""

    name: str
    positions: np.ndarray
    draws: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.draws.mean(1)

    def difference(self, one: int, two: int) -> "Difference":
        """How much larger the objective is at one position than at another, by their places."""
        return difference(self.draws[one] - self.draws[two])


class Difference(NamedTuple):
    """A difference in the objective with its 95% interval, and the probability that it is above 0."""

    mean: float
    low: float
    high: float
    positive: float


class Effect(NamedTuple):
    """Where a hyperparameter is best and worst, as positions, all else averaged, and the difference between the two.

    Both places are those of the posterior mean. `near` holds the positions that are more likely than not within a
    tolerance of the best.
    """

    name: str
    best: float
    worst: float
    difference: Difference
    near: list[float]

    @property
    def is_directed(self) -> bool:
        """Whether the draws agree that the best is better than the worst: only then are the two named."""
        return self.difference.positive >= NAMED


class Gain(NamedTuple):
    """What changing one hyperparameter alone from `before` to `after` adds to the objective, as positions."""

    name: str
    before: float
    after: float
    difference: Difference


def tried(domain: Domain) -> np.ndarray:
    """The positions at which an effect is looked at: all values where there are few, otherwise even steps."""
    if not isinstance(domain, Range):
        return np.unique(domain.positions(domain.options))
    if domain.integer and domain.high - domain.low < LISTED:
        return domain.positions(np.arange(domain.low, domain.high + 1))
    return np.linspace(0, 1, GRID)


def difference(draws: np.ndarray) -> Difference:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Difference(float(draws.mean()), float(low), float(high), float((draws > 0).mean()))


def averaged(posterior: Posterior, name: str) -> Curve:
    """The objective along a hyperparameter, averaged over all configurations of the others that train."""
    positions = tried(posterior.domains[name])
    points = around(posterior, (name,), positions[:, None])
    values = posterior.outcomes(points).reshape(len(positions), AROUND, -1)
    weights = posterior.trains(points).reshape(len(positions), AROUND, 1) + 1e-9
    return Curve(name, positions, (values * weights).sum(1) / weights.sum(1))


def around(posterior: Posterior, names: tuple[str, ...], places: np.ndarray) -> dict[str, np.ndarray]:
    """The points of a grid `(N, names)`, each with the same even sample of all other hyperparameters."""
    domains = posterior.domains
    others = points_at(qmc.Sobol(len(domains), rng=posterior.seed).random(AROUND).T, domains)
    points = {name: np.tile(values, len(places)) for name, values in others.items()}
    return points | {name: np.repeat(values, AROUND) for name, values in zip(names, places.T, strict=True)}


def at(posterior: Posterior, name: str, centre: Mapping[str, float]) -> Curve:
    """The objective along a hyperparameter, all others at the position `centre`; the first place is its own there."""
    positions = np.concatenate([[centre[name]], tried(posterior.domains[name])])
    points = {other: np.full(len(positions), place) for other, place in centre.items()} | {name: positions}
    return Curve(name, positions, posterior.outcomes(points))


def effect(curve: Curve, tolerance: float = POINT) -> Effect:
    """The effect along an averaged curve."""
    best, worst = int(curve.mean.argmax()), int(curve.mean.argmin())
    near = curve.positions[(curve.draws >= curve.draws[best] - tolerance).mean(1) >= 0.5].tolist()
    places = float(curve.positions[best]), float(curve.positions[worst])
    return Effect(curve.name, *places, curve.difference(best, worst), near)


def gain(curve: Curve) -> Gain:
    """What the best place of a curve adds to its first."""
    best = int(curve.mean.argmax())
    return Gain(curve.name, float(curve.positions[0]), float(curve.positions[best]), curve.difference(best, 0))


def place(domains: Mapping[str, Domain], levels: Mapping[str, Any]) -> dict[str, float]:
    """The positions of a configuration's hyperparameters."""
    return {name: float(domain.positions([levels[name]])[0]) for name, domain in domains.items()}
