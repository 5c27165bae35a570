"""When to give a trial up: the pruners, and what they know of the learning curves.

The curves live in memory. Told to the storage instead, every epoch would cost a transaction and every verdict a read of
all trials, measured at 2 to 6 and 3 to 9 ms: a tenth of the time of a short trial. The storage gets each finished curve
once, as an attribute of its trial, from which another process, or this one after a restart, learns it again.
"""

from collections.abc import Callable

import optuna
from optuna import pruners
from optuna.trial import FrozenTrial, Trial, TrialState

CURVE = "val/accuracy by epoch"

# Each is made for the largest number of epochs that a trial of the study may have.
PRUNERS: dict[str, Callable[[int], pruners.BasePruner]] = {
    "median": lambda epochs: pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": lambda epochs: pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3),
    "halving": lambda epochs: pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "none": lambda epochs: pruners.NopPruner(),
}


class Judge:
    """Every known learning curve of a study, and a pruner's verdict on those that are still being drawn."""

    def __init__(self, pruner: pruners.BasePruner) -> None:
        # Hyperband draws a trial's bracket from the study's name, which must not be a random one.
        self._study = optuna.create_study(study_name="curves", direction="maximize", pruner=pruner)
        self._open: dict[int, tuple[Trial, list[float]]] = {}
        self.known: set[int] = set()  # numbers of the trials whose curves are finished

    def learn(self, trial: FrozenTrial, prunable: bool) -> None:
        """Take in a finished curve, asking for verdicts where they were asked for: some pruners count those."""
        for epoch, accuracy in enumerate(trial.user_attrs[CURVE], start=1):
            self.report(trial.number, epoch, accuracy)
            if prunable:
                self.should_prune(trial.number)
        self.close(trial.number, trial.state, trial.value)

    def report(self, number: int, epoch: int, accuracy: float) -> None:
        """Draw a curve on by one epoch."""
        if number not in self._open:
            self._open[number] = self._study.ask(), []
        trial, curve = self._open[number]
        trial.report(accuracy, epoch)
        curve.append(accuracy)

    def should_prune(self, number: int) -> bool:
        trial, _ = self._open[number]
        return trial.should_prune()

    def close(self, number: int, state: TrialState, objective: float | None) -> list[float]:
        """A curve that is finished, one value per epoch."""
        self.known.add(number)
        if number not in self._open:  # it diverged, or was interrupted, in its first epoch
            return []
        trial, curve = self._open.pop(number)
        self._study.tell(trial, objective if state is TrialState.COMPLETE else None, state)
        return curve
