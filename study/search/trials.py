"""The designed and the searched trials of a study: which are done, which is next, and when to prune.

Optuna's study lives in this process's memory and is filled from the tracked runs when a study goes on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import optuna
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, EXPLORE, FAILED, INTERRUPTED, PRUNED, SEARCH
from hyperstudy.study.search.design import schedule
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS, At, Draw, designed, distribution
from hyperstudy.study.search.slots import Slot, Slots

optuna.logging.set_verbosity(optuna.logging.ERROR)

TOLD = {
    COMPLETE: TrialState.COMPLETE,
    DIVERGED: TrialState.COMPLETE,
    PRUNED: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
    INTERRUPTED: TrialState.FAIL,
}


class Record(NamedTuple):
    """A finished trial: its slot, values of the searched hyperparameters, the objective by epoch, and outcome."""

    slot: int
    params: dict[str, Any]
    curve: Sequence[float]
    state: str
    objective: float | None
    started: datetime | None = None
    ended: datetime | None = None


class Underway(NamedTuple):
    """A trial that Optuna has begun, and the number of slots whose ends were known to it, the first ones."""

    slot: Slot
    trial: Trial
    known: int


class Known:
    """An Optuna study as a trial knows it: with itself and so many of the first trials."""

    def __init__(self, study: Study, trial: Trial, count: int) -> None:
        self._study, self._number, self._count = study, trial.number, count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(self, *arguments: Any, **named: Any) -> list[FrozenTrial]:
        trials = self._study.get_trials(*arguments, **named)
        return [trial for trial in trials if trial.number < self._count or trial.number == self._number]


class Trials(Slots):
    """The trials of one study. `targets` are the numbers of trials that it was asked for, one after another; `maximize`
    says that a higher objective is better. From `told`, values and objectives of other trials, the sampler learns.

    A searched trial knows the ends of a fixed number of slots before it, whatever ended first: so the same seed gives
    the same trials also with several workers. Only Hyperband also compares it with trials that are under way.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: str,
        pruner: str,
        targets: Sequence[int],
        done: Sequence[Record],
        maximize: bool = True,
        told: Sequence[tuple[dict[str, Any], float]] = (),
    ) -> None:
        self.plan, self.sampler, self.schedule = plan, sampler, schedule(targets)
        super().__init__(range(len(self.schedule)), len(self.schedule))
        self.finished = len(done)
        self.distributions = {name: distribution(domain) for name, domain in plan.space.items()}
        epochs = plan.most_epochs
        self.prunes = epochs is not None
        # Hyperband draws a trial's bracket from the study's name, which must not be a random one.
        self.study = optuna.create_study(
            study_name="study",
            direction="maximize" if maximize else "minimize",
            pruner=PRUNERS[pruner if self.prunes else "none"](epochs or 1),
        )
        self._done = {record.slot: record for record in done}
        self._underway: dict[int, Underway] = {}
        self._ended: dict[int, tuple[str, float | None]] = {}  # state and objective, until Optuna is told
        self._told, self._earlier = 0, len(told)  # the first slots, whose ends Optuna knows; trials before them
        self.study.add_trials(
            [optuna.create_trial(value=value, params=one, distributions=self.distributions) for one, value in told]
        )

    def next(self, workers: int = 1) -> Slot | None:
        while self.waiting:
            number = self.waiting[0]
            if number in self._underway:  # its worker died
                self.waiting.popleft()
                return self._underway[number].slot
            if not self._tell(number - window(workers)):
                return None
            slot = self._make(self.waiting.popleft())
            if number not in self._done:
                return slot
            self._replay(slot, self._done[number])
        return None

    def report(self, slot: Slot, epoch: int, value: float) -> bool:
        _, trial, known = self._underway[slot.number]
        frozen = self.study.get_trials(deepcopy=False)[trial.number]
        if epoch not in frozen.intermediate_values:  # a worker that died may have sent it already
            trial.report(value, epoch)
        if not slot.prunable or epoch >= slot.config.epochs:
            return False
        frozen = self.study.get_trials(deepcopy=False)[trial.number]
        seen = Known(self.study, trial, self._earlier + known)
        return self.study.pruner.prune(seen, frozen)  # type: ignore[arg-type]  # it answers as a study does

    def end(self, slot: Slot, state: str, objective: float | None) -> None:
        super().end(slot, state, objective)
        self._ended[slot.number] = state, objective

    def _make(self, number: int) -> Slot:
        phase, _ = self.schedule[number]
        self.study.sampler = self._sampler(number)
        trial = self.study.ask(self.distributions)
        tags = {"phase": phase, "trial": str(number)}
        config, prunable = self.plan.config(trial.params), self.prunes and phase == SEARCH
        slot = Slot(number, f"{phase}-{number:03d}", tags, config, prunable)
        self._underway[number] = Underway(slot, trial, self._told)
        return slot

    def _sampler(self, number: int) -> BaseSampler:
        if number in self._done:
            return At(self._done[number].params)
        phase, index = self.schedule[number]
        count = sum(other == phase for other, _ in self.schedule)
        make = designed if phase == EXPLORE else SAMPLERS[self.sampler]
        return make(Draw(self.plan, number, index, count, self._best()))

    def _best(self) -> Mapping[str, Any]:
        """The values of the best complete trial; the defaults before there is one."""
        complete = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not complete:
            return self.plan.base.hyperparameters()
        return self.study.best_trial.params

    def _replay(self, slot: Slot, record: Record) -> None:
        """Repeat a finished trial's steps in Optuna's study: samplers and pruners keep state of each."""
        for epoch, value in enumerate(record.curve, start=1):
            self.report(slot, epoch, value)
        self._ended[slot.number] = record.state, record.objective

    def _tell(self, last: int) -> bool:
        """Tell Optuna the ends of the slots up to this one, in their order; False if a searched trial has to wait."""
        while self._told <= last and self._told in self._ended:
            state, objective = self._ended.pop(self._told)
            trial = self._underway.pop(self._told).trial
            told = TrialState.FAIL if state == DIVERGED and objective is None else TOLD[state]
            self.study.tell(trial, objective if told is TrialState.COMPLETE else None, told)
            self._told += 1
        phase, _ = self.schedule[self.waiting[0]]
        return self._told > last or phase == EXPLORE


def window(workers: int) -> int:
    """How many slots may be under way or ended before the first of them is known: twice the workers, so that they
    hardly ever wait for one another; one for a single worker, which never waits."""
    return 1 if workers == 1 else 2 * workers
