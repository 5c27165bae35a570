"""The designed trials that conclusions rest on, and the sampler that hunts the winner after them."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from optuna import samplers
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers._tpe import _truncnorm
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial
from scipy.special import log_ndtr
from scipy.stats import qmc

from study.core.domains import Choice, Range
from study.core.errors import InputError
from study.core.plan import Plan
from study.outputs.names import EXPLORE, PRUNED, SEARCH
from study.search.memory import CURVE, Memory
from study.search.pruners import PRUNERS
from study.search.storage import alone
from study.search.trials import TOLD, Claim, Queue, Slots, seed_of

EXPLORE_SHARE = 2 / 3
TARGETS = "targets"


class Draw(NamedTuple):
    """The trial for which a sampler is made: it is number `index` of the `count` trials of its phase."""

    plan: Plan
    slot: int
    phase: str
    index: int
    count: int

    @property
    def seed(self) -> int:
        """Differs from trial to trial: a sampler with one fixed seed repeats its points after a restart."""
        return seed_of(self.plan.base.seed, self.slot)


def _explore(draw: Draw) -> samplers.BaseSampler:
    point = design_point(draw.plan.space, draw.index, draw.plan.base.seed)
    return samplers.PartialFixedSampler(point, _random(draw))


# Optuna's own goes number by number through Python, for every earlier trial: a third of a draw at the 1,000th.
_truncnorm._log_ndtr = log_ndtr


class _TPE(samplers.TPESampler):
    """Optuna's, which knows that every trial has a value for the whole of one space, and does not look for it anew."""

    def __init__(self, space: Mapping[str, Range | Choice], seed: int) -> None:
        super().__init__(seed=seed, n_startup_trials=0)  # the designed trials before it are better spread than random
        self.distributions = {name: distribution(space[name]) for name in sorted(space)}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {name: found for name, found in self.distributions.items() if not found.single()}

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: Study
    ) -> dict[str, np.ndarray]:
        found = [trial.params for trial in trials]
        return {
            name: np.array([row.to_internal_repr(params[name]) for params in found])
            for name, row in search_space.items()
        }


def _tpe(draw: Draw) -> samplers.BaseSampler:
    return _TPE(draw.plan.space, draw.seed)


def _random(draw: Draw) -> samplers.BaseSampler:
    return samplers.RandomSampler(seed=draw.seed)


def _qmc(draw: Draw) -> samplers.BaseSampler:
    """A scrambled Sobol sequence like the design, scrambled otherwise."""
    point = design_point(draw.plan.space, draw.index, seed_of(draw.plan.base.seed))
    return samplers.PartialFixedSampler(point, _random(draw))


def _gp(draw: Draw) -> samplers.BaseSampler:
    return samplers.GPSampler(seed=draw.seed)


def _cmaes(draw: Draw) -> samplers.BaseSampler:
    return samplers.CmaEsSampler(seed=draw.seed, warn_independent_sampling=False)


def _grid(draw: Draw) -> samplers.BaseSampler:
    """The grid's points in a random order of the study's own; ranges get as many levels as the trials can visit."""
    points = _grid_points(tuple(draw.plan.space.items()), draw.count)
    order = np.random.default_rng(draw.plan.base.seed).permutation(len(points))
    return samplers.PartialFixedSampler(points[order[draw.index % len(points)]], _random(draw))


@lru_cache(maxsize=1)
def _grid_points(space: tuple[tuple[str, Range | Choice], ...], count: int) -> list[dict[str, Any]]:
    return grid(dict(space), count)


SAMPLERS: dict[str, Callable[[Draw], samplers.BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "qmc": _qmc,
    "gp": _gp,
    "cmaes": _cmaes,
    "grid": _grid,
}


def explore_size(trials: int) -> int:
    """The largest power of two that is at most two thirds of the trials, and at least one.

    A Sobol sequence is balanced at powers of two: 32 points give each of four levels exactly eight.
    """
    return 2 ** max(0, math.floor(math.log2(max(1, trials * EXPLORE_SHARE))))


def explore_design(space: Mapping[str, Range | Choice], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` points of a scrambled Sobol sequence over the space; a longer design starts with the shorter one's."""
    return [_at(space, row) for row in _sobol(space, count, seed)]


def design_point(space: Mapping[str, Range | Choice], index: int, seed: int) -> dict[str, Any]:
    """One point of that design, counted from 0."""
    return _at(space, _sobol(space, index + 1, seed)[index])


def _sobol(space: Mapping[str, Range | Choice], count: int, seed: int) -> np.ndarray:
    """`(count, hyperparameters)` on [0, 1)."""
    return qmc.Sobol(len(space), scramble=True, rng=seed).random_base2(math.ceil(math.log2(count)))[:count]


def _at(space: Mapping[str, Range | Choice], row: np.ndarray) -> dict[str, Any]:
    return {name: space[name].at(u) for name, u in zip(space, row, strict=True)}


def grid(space: Mapping[str, Range | Choice], count: int) -> list[dict[str, Any]]:
    """All combinations of levels, as fine as `count` points allow; ranges have two levels at the least."""
    for levels in range(2, count + 3):
        finer = [space[name].levels(levels) for name in space]
        if levels > 2 and math.prod(map(len, finer)) > count:
            break
        columns = finer
    return [dict(zip(space, row, strict=True)) for row in product(*columns)]


def distribution(space: Range | Choice) -> BaseDistribution:
    """A part of the search space in Optuna's terms."""
    if isinstance(space, Choice):
        return CategoricalDistribution(space.options)
    kind = IntDistribution if space.integer else FloatDistribution
    return kind(space.low, space.high, log=space.log)


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


class SearchQueue(Queue):
    """The explore and the search trials of one study."""

    def __init__(self, storage: RDBStorage, name: str, plan: Plan, sampler: str, pruner: str) -> None:
        epochs = max(plan.space["epochs"].ends) if "epochs" in plan.space else plan.base.epochs
        super().__init__(storage, name)
        self.plan, self.sampler_name = plan, sampler
        self.memory = Memory(PRUNERS[pruner](epochs))
        self.distributions = {name: distribution(space) for name, space in plan.space.items()}
        self.slots: list[tuple[str, int]] = []

    def want(self, trials: int) -> None:
        """Ask for so many trials in all; raises `InputError` if the study already has more."""
        with alone(self.database):
            targets = self.study.user_attrs.get(TARGETS, [])
            if targets and trials < targets[-1]:
                raise InputError(
                    f"study {self.name!r} already has {targets[-1]} trials, and can only grow; got {trials}"
                )
            if trials not in targets:
                targets = [*targets, trials]
                self.study.set_user_attr(TARGETS, targets)
        self.slots = schedule(targets)

    @property
    def total(self) -> int:
        return len(self.slots)

    def sampler(self, slot: int) -> samplers.BaseSampler:
        phase, index = self.slots[slot]
        count = sum(other == phase for other, _ in self.slots)
        make = _explore if phase == EXPLORE else SAMPLERS[self.sampler_name]
        return make(Draw(self.plan, slot, phase, index, count))

    def learn(self, slots: Slots) -> None:
        ended = self.memory.ended
        news = [(trial, slot) for slot, attempts in slots.items() for trial in attempts if trial.number not in ended]
        for trial, slot in sorted(news, key=lambda found: found[0].number):
            self.memory.learn(trial, self._asked(trial, slot))

    def draft(self, slot: int) -> FrozenTrial:
        return self.memory.draw(self.sampler(slot), self.distributions)

    def configure(self, trial: FrozenTrial, slot: int, draft: FrozenTrial | None) -> Claim:
        if draft is None:
            self.memory.add(trial)
        else:
            self.memory.begin(trial.number)
        phase, config = self.slots[slot][0], self.plan.config(trial.params)
        name = f"{phase}-{slot:03d}"
        return Claim(trial.number, trial._trial_id, slot, phase, name, config, self._is_prunable(slot))

    def report(self, claim: Claim, epoch: int, accuracy: float) -> bool:
        if claim.number in self.memory.ended:  # another process has taken it for lost
            return True
        self.memory.report(claim.number, epoch, accuracy)
        return claim.asks_after(epoch) and self.memory.should_prune(claim.number)

    def conclude(self, claim: Claim, state: str, objective: float | None = None) -> None:
        self.memory.end(claim.number, TOLD[state], None if objective is None else [objective])

    def finish(self, claim: Claim, state: str, objective: float | None = None) -> bool:
        """Keep the learning curve with its trial; the last point of a pruned one is what Optuna's plots see of it."""
        curve = self.memory.curve(claim.number)
        if curve and state == PRUNED:
            objective = curve[-1]
        with suppress(UpdateFinishedTrialError):  # another process has taken it for lost
            if curve:
                self.storage.set_trial_user_attr(claim.trial_id, CURVE, curve)
            if curve and state == PRUNED:
                self.storage.set_trial_intermediate_value(claim.trial_id, len(curve), objective)
        self.conclude(claim, state, objective)
        return super().finish(claim, state, objective)

    def _asked(self, trial: FrozenTrial, slot: int) -> int:
        """After how many epochs of a slot's trial the pruner is asked."""
        return self.plan.config(trial.params).epochs - 1 if self._is_prunable(slot) else 0

    def _is_prunable(self, slot: int) -> bool:
        """Whether the pruner is asked about a slot's trial; of one beyond the last slot, another process knows."""
        return slot < self.total and self.slots[slot][0] == SEARCH
