"""A study in this process's memory, where Optuna samples and prunes without a word to the storage.

In a storage every suggested value, every reported epoch and every look at the other trials is a transaction or a query,
of 1 to 9 ms on a file and a round trip each on a server: a tenth of the time of a short trial. Here they cost next to
nothing, and the storage gets a trial when it begins and again when it ends, which is what another process, or this one
after a restart, learns it from.
"""

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

CURVE = "val/accuracy by epoch"  # attribute of a finished trial in the storage


class Memory:
    """Every trial of a study that runs or is finished, by its number in the storage."""

    def __init__(self, pruner: BasePruner) -> None:
        self._storage = InMemoryStorage()
        # Hyperband draws a trial's bracket from the study's name, which must not be a random one.
        self._study = optuna.create_study(
            storage=self._storage, study_name="memory", direction="maximize", pruner=pruner
        )
        self._ids: dict[int, int] = {}
        self.ended: set[int] = set()  # numbers of the trials that are over
        self._drawn: int | None = None  # what was drawn and has no number yet

    def draw(self, sampler: BaseSampler, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
        """A trial that runs here alone, until `begin` says under which number it runs in the storage."""
        if self._drawn is not None:  # another process was faster
            self._storage.set_trial_state_values(self._drawn, TrialState.FAIL)
        self._study.sampler = sampler
        self._drawn = self._study.ask(dict(distributions))._trial_id
        return self._storage.get_trial(self._drawn)

    def begin(self, number: int) -> None:
        """Let what was drawn last be the trial of that number."""
        self._ids[number], self._drawn = self._drawn, None

    def add(self, trial: FrozenTrial) -> None:
        """Take in a trial that runs with values from elsewhere."""
        running = create_trial(
            state=TrialState.RUNNING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs=trial.system_attrs,
        )
        self._ids[trial.number] = self._storage.create_new_trial(self._study._study_id, running)

    def learn(self, trial: FrozenTrial, asked: int) -> None:
        """Take in what the storage tells of a trial that is not over here, also one of another process.

        Its curve is reported epoch by epoch, with verdicts after so many as were `asked` for: some pruners count them.
        """
        number = trial.number
        if trial.state is TrialState.WAITING:
            return
        if number not in self._ids:
            self.add(trial)
        if trial.state.is_finished():
            for epoch, accuracy in enumerate(trial.user_attrs.get(CURVE, ()), start=1):
                self.report(number, epoch, accuracy)
                if epoch <= asked:
                    self.should_prune(number)
            self.end(number, trial.state, trial.values)

    def report(self, number: int, epoch: int, accuracy: float) -> None:
        """Draw a trial's curve on by one epoch."""
        self._storage.set_trial_intermediate_value(self._ids[number], epoch, accuracy)

    def should_prune(self, number: int) -> bool:
        """The pruner's verdict on a trial that runs."""
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._ids[number]))

    def end(self, number: int, state: TrialState, values: Sequence[float] | None) -> None:
        """Close a trial as what it was; nothing happens if it is closed already."""
        if number not in self.ended:
            self._storage.set_trial_state_values(self._ids[number], state, values)
            self.ended.add(number)

    def curve(self, number: int) -> list[float]:
        """What was reported of a trial, one value per epoch."""
        return [*self._storage.get_trial(self._ids[number]).intermediate_values.values()]
