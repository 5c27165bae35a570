"""The designed and the searched trials of a study: which are done, which is next, and when to prune.

Optuna's study lives in this process's memory and is filled from the tracked runs when a study goes on.
"""

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler
from optuna.trial import Trial, TrialState

from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, EXPLORE, FAILED, INTERRUPTED, PRUNED, SEARCH
from hyperstudy.study.search.design import schedule
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS, Draw, designed, distribution
from hyperstudy.study.search.slots import Slot, Slots

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)

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


class Trials(Slots):
    """The trials of one study. `targets` are the numbers of trials that it was asked for, one after another; `maximize`
    says that a higher objective is better. From `told`, values and objectives of other trials, the sampler learns.
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
        finished = {record.slot for record in done}
        super().__init__((n for n in range(len(self.schedule)) if n not in finished), len(self.schedule))
        self.distributions = {name: distribution(domain) for name, domain in plan.space.items()}
        epochs = plan.most_epochs
        self.prunes = epochs is not None
        # Hyperband draws a trial's bracket from the study's name, which must not be a random one.
        self.study = optuna.create_study(
            study_name="study",
            direction="maximize" if maximize else "minimize",
            pruner=PRUNERS[pruner if self.prunes else "none"](epochs or 1),
        )
        self._running: dict[int, Trial] = {}
        self._lost: dict[int, dict[str, Any]] = {}  # values of the slots to be tried again
        self.study.add_trials(
            [optuna.create_trial(value=value, params=one, distributions=self.distributions) for one, value in told]
        )
        for record in sorted(done, key=lambda record: record.slot):
            self._replay(record)

    def again(self, slot: Slot) -> None:
        self._lost[slot.number] = self._running[slot.number].params
        self.end(slot, INTERRUPTED, None)
        super().again(slot)

    def report(self, slot: Slot, epoch: int, value: float) -> bool:
        trial = self._running[slot.number]
        trial.report(value, epoch)
        return slot.prunable and epoch < slot.config.epochs and trial.should_prune()

    def end(self, slot: Slot, state: str, objective: float | None) -> None:
        super().end(slot, state, objective)
        self._tell(slot.number, state, objective)

    def _make(self, number: int) -> Slot:
        phase, _ = self.schedule[number]
        trial = self._ask(number, self._sampler(number))
        tags = {"phase": phase, "trial": str(number)}
        return self._slot(number, f"{phase}-{number:03d}", tags, trial)

    def _slot(self, number: int, name: str, tags: Mapping[str, str], trial: Trial) -> Slot:
        phase, _ = self.schedule[number]
        return Slot(number, name, tags, self.plan.config(trial.params), self.prunes and phase == SEARCH)

    def _ask(self, number: int, sampler: BaseSampler) -> Trial:
        self.study.sampler = sampler
        self._running[number] = self.study.ask(self.distributions)
        return self._running[number]

    def _sampler(self, number: int) -> BaseSampler:
        if number in self._lost:
            return _fixed(self._lost.pop(number))
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

    def _replay(self, record: Record) -> None:
        """Repeat a finished trial's steps in Optuna's study: samplers and pruners keep state of each."""
        trial = self._ask(record.slot, _fixed(record.params))
        slot = self._slot(record.slot, "", {}, trial)
        for epoch, value in enumerate(record.curve, start=1):
            self.report(slot, epoch, value)
        self._tell(record.slot, record.state, record.objective)

    def _tell(self, number: int, state: str, objective: float | None) -> None:
        told = TrialState.FAIL if state == DIVERGED and objective is None else TOLD[state]
        self.study.tell(self._running.pop(number), objective if told is TrialState.COMPLETE else None, told)


def _fixed(params: Mapping[str, Any]) -> BaseSampler:
    return PartialFixedSampler(dict(params), RandomSampler(seed=0))
