"""Planted truths that hurt, as tables: their grids are filled from formulas, and judged like those of real networks.

Accuracy is a function of every hyperparameter's place on [0, 1] in the order of the tables' axes, and noise is that of
a finite validation set, of the seed, or of training that collapses.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tests.trials_of_others.tables import DEFAULT, LEVELS, SEEDS, Table, space_plan

Accuracy = Callable[[np.ndarray], np.ndarray]  # of places `(5, levels ...)`
Noise = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # of accuracies `(levels ..., seeds)`
CLASSES = 10


class Hard(NamedTuple):
    """A truth, its noise, and the studies that are drawn of it."""

    accuracy: Accuracy
    noise: Noise
    trials: int = 50
    inert: int = 1


def places() -> np.ndarray:
    """The place `(5, levels ...)` of every configuration on [0, 1]."""
    domains = space_plan().space
    axes = [domains[name].positions(levels) for name, levels in LEVELS.items()]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def usual(u: np.ndarray) -> np.ndarray:
    """lr matters most, depth and weight decay less; batch size and width do not."""
    decay, _, depth, lr, _ = u
    return 0.95 - 0.5 * (lr - 0.45) ** 2 + 0.03 * depth - 0.05 * decay


def flat(u: np.ndarray) -> np.ndarray:
    return 0.9 + 0 * u[0]


def at_default(u: np.ndarray) -> np.ndarray:
    """The default is the optimum in every hyperparameter."""
    default = places()[(slice(None), *DEFAULT.values())]
    sizes = np.array([0.15, 0.1, 0.1, 0.4, 0.05])
    return 0.95 - np.tensordot(sizes, (u - default.reshape(-1, *[1] * 5)) ** 2, 1)


def ridge(u: np.ndarray) -> np.ndarray:
    """Only the sum of lr and weight decay matters: two redundant hyperparameters, with their best along a ridge."""
    return 0.95 - 0.4 * (u[3] + u[0] - 1) ** 2


def corner(u: np.ndarray) -> np.ndarray:
    """An interaction that is no product: a large lr costs accuracy only beyond a batch size's edge."""
    return 0.93 - 0.15 * ((u[3] > 0.5) & (u[1] < 0.4)) + 0.02 * u[2]


def pictures(count: int) -> Noise:
    """Of a finite validation set."""
    return lambda accuracy, rng: rng.binomial(count, np.clip(accuracy, 0, 1)) / count


def growing(accuracy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Seeds scatter ten times as much at an accuracy of 0.5 as at 0.95."""
    deviation = np.interp(accuracy, [0.5, 0.95], [0.08, 0.008])
    return np.clip(accuracy + deviation * rng.normal(size=accuracy.shape), 0, 1)


def collapsing(accuracy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One training in ten collapses at random, and seeds have heavy tails."""
    noisy = np.clip(accuracy + 0.006 * rng.standard_t(2.5, accuracy.shape), 0, 1)
    return np.where(rng.random(accuracy.shape) < 0.1, 1 / CLASSES, noisy)


HARD: dict[str, Hard] = {
    "360 pictures": Hard(usual, pictures(360)),
    "60 pictures": Hard(usual, pictures(60)),
    "growing noise": Hard(usual, growing),
    "collapse": Hard(usual, collapsing),
    "default is best": Hard(at_default, pictures(360)),
    "no product": Hard(corner, pictures(360)),
    "ridge": Hard(ridge, pictures(360)),
    "12 trials": Hard(usual, pictures(360), trials=12),
    "7 hyperparameters": Hard(usual, pictures(360), inert=2),
    "nothing, 360 pictures": Hard(flat, pictures(360)),
    "nothing, 60 pictures": Hard(flat, pictures(60)),
    "nothing, growing noise": Hard(flat, growing),
    "nothing, collapse": Hard(flat, collapsing),
}


def plant(name: str) -> Table:
    """The table of a planted truth."""
    row = HARD[name]
    accuracy = np.repeat(row.accuracy(places())[..., None], SEEDS, axis=-1)
    return Table(name, CLASSES, row.noise(accuracy, np.random.default_rng(0)))
