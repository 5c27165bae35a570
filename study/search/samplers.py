"""Samplers and pruners by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from warnings import catch_warnings

import numpy as np
from optuna import pruners, samplers
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from hyperstudy.study.core.domains import Choice, Domain, Range
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.search.design import design_point, grid


@dataclass(frozen=True)
class Draw:
    """The trial for which a sampler is made: number `index` of the `count` trials of its phase.

    `best` are the values of the best trial so far.
    """

    plan: Plan
    slot: int
    index: int
    count: int
    best: Mapping[str, Any]

    @property
    def seed(self) -> int:
        """Differs from trial to trial: a sampler with one fixed seed repeats its points after a restart."""
        return seed_of(self.plan.base.seed, self.slot)


def seed_of(*numbers: int) -> int:
    """A 32-bit seed that depends on every number, and on nothing else."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def distribution(domain: Domain) -> BaseDistribution:
    """A part of the search space in Optuna's terms."""
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.options)
    if domain.integer:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


class At(samplers.RandomSampler):
    """Samples a given point, which has a value for every hyperparameter."""

    def __init__(self, point: Mapping[str, Any]) -> None:
        super().__init__()
        self._point = point

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._point[param_name]


def designed(draw: Draw) -> samplers.BaseSampler:
    """The trial's point of the design."""
    return At(design_point(draw.plan.space, draw.index, draw.plan.base.seed))


def _tpe(draw: Draw) -> samplers.BaseSampler:
    """Without random trials at the start: the designed trials before it are better spread."""
    return samplers.TPESampler(seed=draw.seed, n_startup_trials=0)


def _random(draw: Draw) -> samplers.BaseSampler:
    return samplers.RandomSampler(seed=draw.seed)


def _qmc(draw: Draw) -> samplers.BaseSampler:
    """A Sobol sequence like the design, with another scrambling."""
    return At(design_point(draw.plan.space, draw.index, seed_of(draw.plan.base.seed)))


def _gp(draw: Draw) -> samplers.BaseSampler:
    return samplers.GPSampler(seed=draw.seed)


def _cmaes(draw: Draw) -> samplers.BaseSampler:
    """Starts at the best trial; also after a restart, since runs do not hold the state of CMA-ES."""
    start = {name: draw.best[name] for name, domain in draw.plan.space.items() if isinstance(domain, Range)}
    with catch_warnings(action="ignore", category=FutureWarning):  # x0 ends with Optuna 6, and nothing replaces it yet
        return samplers.CmaEsSampler(x0=start, seed=draw.seed, warn_independent_sampling=False)


def _grid(draw: Draw) -> samplers.BaseSampler:
    """The grid's points in a random order that depends on the study's seed; ranges get as many levels as the trials
    can visit."""
    points = _grid_points(tuple(draw.plan.space.items()), draw.count)
    order = np.random.default_rng(draw.plan.base.seed).permutation(len(points))
    return At(points[order[draw.index % len(points)]])


@lru_cache(maxsize=1)
def _grid_points(space: tuple[tuple[str, Domain], ...], count: int) -> list[dict[str, Any]]:
    return grid(dict(space), count)


SAMPLERS: dict[str, Callable[[Draw], samplers.BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "qmc": _qmc,
    "gp": _gp,
    "cmaes": _cmaes,
    "grid": _grid,
}

# Each is made for the largest number of epochs that a trial may have.
PRUNERS: dict[str, Callable[[int], pruners.BasePruner]] = {
    "median": lambda epochs: pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": lambda epochs: pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
    "halving": lambda epochs: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "none": lambda epochs: pruners.NopPruner(),
}
