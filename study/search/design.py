"""The design: which points the explore trials try, and which slots are explored and which searched."""

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import qmc

from hyperstudy.study.core.domains import Domain
from hyperstudy.study.outputs.names import EXPLORE, SEARCH

EXPLORE_SHARE = 2 / 3


def explore_size(trials: int) -> int:
    """The largest power of two that is at most two thirds of the trials, and at least one.

    A Sobol sequence is balanced at powers of two: 32 points give each of four levels exactly eight.
    """
    return 2 ** max(0, math.floor(math.log2(max(1, trials * EXPLORE_SHARE))))


def explore_design(space: Mapping[str, Domain], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` points of a scrambled Sobol sequence over the space; a longer design starts with the shorter one's."""
    return [_at(space, row) for row in _sobol(space, count, seed)]


def design_point(space: Mapping[str, Domain], index: int, seed: int) -> dict[str, Any]:
    """One point of that design, counted from 0."""
    return _at(space, _sobol(space, index + 1, seed)[index])


def _sobol(space: Mapping[str, Domain], count: int, seed: int) -> np.ndarray:
    """`(count, hyperparameters)` on [0, 1)."""
    return qmc.Sobol(len(space), scramble=True, rng=seed).random_base2(math.ceil(math.log2(count)))[:count]


def _at(space: Mapping[str, Domain], row: np.ndarray) -> dict[str, Any]:
    return {name: space[name].at(u) for name, u in zip(space, row, strict=True)}


def grid(space: Mapping[str, Domain], count: int) -> list[dict[str, Any]]:
    """All combinations of levels, as fine as `count` points allow; ranges have two levels at the least."""
    for levels in range(2, count + 3):
        finer = [space[name].levels(levels) for name in space]
        if levels > 2 and math.prod(map(len, finer)) > count:
            break
        columns = finer
    return [dict(zip(space, row, strict=True)) for row in product(*columns)]


def schedule(targets: Sequence[int]) -> list[tuple[str, int]]:
    """Phase and index within the phase of every slot of a study that was asked for `targets` trials, one after another.

    A study that grows from 50 to 100 trials keeps its 32 designed and 18 searched ones, gets the next 32 points of the
    same design, and searches with the 18 that are left.
    """
    slots: list[tuple[str, int]] = []
    counts = {EXPLORE: 0, SEARCH: 0}
    for target in targets:
        new = target - len(slots)
        designed = min(new, max(0, explore_size(target) - counts[EXPLORE]))
        for phase in [EXPLORE] * designed + [SEARCH] * (new - designed):
            slots.append((phase, counts[phase]))
            counts[phase] += 1
    return slots
