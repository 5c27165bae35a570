"""Trials handed out exactly once, by however many processes take part.

A slot is one trial that a study shall have; slots count from 0, and each trial names the one that it is an attempt at.
Of several processes that begin the same slot at once, the one whose trial Optuna numbered first has it, and the others
withdraw: so there are exactly as many finished trials as slots. A trial whose owner died is failed, and another attempt
at its slot enqueued with the same configuration.
"""

import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage, get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial

from study.core.config import Config
from study.core.errors import InputError
from study.outputs.names import COMPLETE, DIVERGED, FAILED, INTERRUPTED, PRUNED
from study.search.owners import is_dead, is_here, this_process
from study.search.storage import GRACE_SECONDS, HEARTBEAT_SECONDS, SETTINGS, alone

SLOT, OWNER, WITHDRAWN = "slot", "owner", "withdrawn"  # attributes of a trial
IDENTITY = "identity"  # attribute of a study
WAITING = TrialState.WAITING
LIVE = (WAITING, TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED)
TOLD = {
    COMPLETE: TrialState.COMPLETE,
    DIVERGED: TrialState.COMPLETE,
    PRUNED: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
    INTERRUPTED: TrialState.FAIL,
}

Slots = dict[int, list[FrozenTrial]]  # the attempts at every slot, the first one first


class Claim(NamedTuple):
    """A trial that this process has taken on. `prunable` says whether it asks the pruner after its epochs."""

    number: int
    trial_id: int
    slot: int
    phase: str
    name: str
    config: Config
    prunable: bool = False
    tags: Mapping[str, str] = {}

    def asks_after(self, epoch: int) -> bool:
        """Whether the pruner is asked after that epoch; after the last one there is nothing left to save."""
        return self.prunable and epoch < self.config.epochs


class Queue:
    """The slots of one Optuna study. Subclasses say which trials there are and what configuration each one has."""

    def __init__(self, storage: RDBStorage, name: str) -> None:
        self.database, self.storage = storage, get_storage(storage)  # the second with a cache of what is finished
        self.study = optuna.create_study(
            storage=self.storage, study_name=name, direction="maximize", load_if_exists=True
        )
        self.name = name
        self.owner = this_process()
        self._beat = 0.0
        if any(SLOT not in trial.user_attrs for trial in self.study.get_trials(deepcopy=False)):
            raise InputError(
                f"study {name!r} was begun with an earlier version, which alone can go on with it: "
                f"give this one another name with --study"
            )

    def settle(self, settings: Mapping[str, str]) -> None:
        """Keep what the study is, or raise `InputError` with the differences if it already is something else."""
        with alone(self.database):
            kept = self.study.user_attrs.get(SETTINGS)
            if kept is None:
                self.study.set_user_attr(SETTINGS, dict(settings))
                return
        if kept != settings:
            names = [name for name in {**kept, **settings} if kept.get(name) != settings.get(name)]
            changes = [f"{name} {kept.get(name, 'none')} (now {settings.get(name, 'none')})" for name in names]
            raise InputError(
                f"study {self.study.study_name!r} exists with other settings: {'; '.join(changes)}. "
                f"Repeat those, or give the new study a name of its own with --study"
            )

    def identity(self) -> str:
        """What tells this study from any other, also from one of its name that came after it was deleted."""
        with alone(self.database):
            if IDENTITY not in self.study.user_attrs:
                self.study.set_user_attr(IDENTITY, uuid.uuid4().hex)
            return self.study.user_attrs[IDENTITY]

    @property
    def total(self) -> int:
        """How many slots there shall be."""
        raise NotImplementedError

    def learn(self, slots: Slots) -> None:
        """Take in what the storage knows by now, before anything is chosen."""

    def draft(self, slot: int) -> FrozenTrial:
        """The values of a slot's first attempt; it begins when the storage has it."""
        raise NotImplementedError

    def configure(self, trial: FrozenTrial, slot: int, draft: FrozenTrial | None) -> Claim:
        """The claim of a trial that has just begun, with the values of `draft`, or again with those it had before."""
        raise NotImplementedError

    def trials(self) -> Slots:
        """All trials by slot, but for those that were withdrawn before they did anything."""
        slots: Slots = {}
        for trial in self.study.get_trials(deepcopy=False):
            if WITHDRAWN not in trial.user_attrs:
                slots.setdefault(trial.user_attrs[SLOT], []).append(trial)
        return slots

    def wanted(self) -> Slots:
        """The trials of the slots that there shall be; another process may have been asked for more."""
        total = self.total
        return {slot: attempts for slot, attempts in self.trials().items() if slot < total}

    def finished(self) -> int:
        """How many slots have a finished trial."""
        done = (TrialState.COMPLETE, TrialState.PRUNED)
        return sum(any(trial.state in done for trial in attempts) for attempts in self.wanted().values())

    def settled(self) -> bool:
        """Whether every slot has had its trial, and none waits or runs, here or elsewhere."""
        slots = self.wanted()
        pending = (TrialState.WAITING, TrialState.RUNNING)
        return len(slots) >= self.total and not any(t.state in pending for trials in slots.values() for t in trials)

    def running(self) -> set[int]:
        """Optuna's numbers of the trials that run, here or elsewhere."""
        return {trial.number for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))}

    def retry(self, slot: int | None = None) -> None:
        """Enqueue another attempt, with the same values, at a slot that has none alive; without one, at all such."""
        for number, attempts in self.wanted().items():
            if slot in (None, number) and not any(trial.state in LIVE for trial in attempts):
                values = {"params": attempts[-1].params, "distributions": attempts[-1].distributions}
                self._create(create_trial(state=WAITING, **values, user_attrs={SLOT: number}))

    def claim(self) -> Claim | None:
        """The next trial, now running and ours; None if there is none to be had at the moment."""
        slots = self.trials()
        self.learn(slots)
        total, slot, expected = self.total, len(slots), sum(map(len, slots.values()))
        waiting = [(t, at) for at, attempts in slots.items() if at < total for t in attempts if t.state is WAITING]
        if waiting:
            return self._claim_waiting(*min(waiting, key=lambda found: found[0].number))
        if slot >= total:
            return None
        draft = self.draft(slot)
        trial = self._create(
            create_trial(
                state=TrialState.RUNNING,
                params=draft.params,
                distributions=draft.distributions,
                system_attrs=draft.system_attrs,  # what the sampler noted
                user_attrs={SLOT: slot, OWNER: self.owner},
            )
        )
        trial.number = self._number(trial._trial_id, expected)
        self.storage.record_heartbeat(trial._trial_id)
        return (
            self.configure(trial, slot, draft) if trial.number == expected else self._unless_rival(trial, slot, draft)
        )

    def _claim_waiting(self, trial: FrozenTrial, slot: int) -> Claim | None:
        taken = False
        with suppress(UpdateFinishedTrialError):
            taken = self.storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
        if not taken:  # another process was faster
            return self.claim()
        self.storage.record_heartbeat(trial._trial_id)
        self.storage.set_trial_user_attr(trial._trial_id, OWNER, self.owner)
        return self._unless_rival(trial, slot, None)

    def _unless_rival(self, trial: FrozenTrial, slot: int, draft: FrozenTrial | None) -> Claim | None:
        """The claim of a trial of ours, unless an earlier attempt lives, since several processes may have begun, or
        enqueued, one each; then ours is withdrawn, and the next one claimed."""
        if not any(t.number < trial.number and t.state in LIVE for t in self.trials()[slot]):
            return self.configure(trial, slot, draft)
        self.storage.set_trial_user_attr(trial._trial_id, WITHDRAWN, True)
        self.tell(trial._trial_id, INTERRUPTED)
        return self.claim()

    def _create(self, trial: FrozenTrial) -> FrozenTrial:
        """The trial as the storage has it from now on, written in one transaction."""
        trial._trial_id = self.storage.create_new_trial(self.study._study_id, trial)
        return trial

    def _number(self, trial_id: int, expected: int) -> int:
        """The number that the storage gave a new trial; that it is the expected one is known without a query."""
        if self.storage.get_trial_id_from_study_id_trial_number(self.study._study_id, expected) == trial_id:
            return expected
        return self.storage.get_trial_number_from_id(trial_id)

    def report(self, claim: Claim, epoch: int, accuracy: float) -> bool:
        """Take note of a validation accuracy; whether the trial should be given up."""
        return False

    def conclude(self, claim: Claim, state: str, objective: float | None = None) -> None:
        """Let the next trial of this process be chosen in the light of this one, before `finish` writes it down."""

    def finish(self, claim: Claim, state: str, objective: float | None = None) -> bool:
        """Close a trial of ours as what it was; whether it counts as that, and was not taken for lost before."""
        return self.tell(claim.trial_id, state, objective)

    def tell(self, trial_id: int, state: str, objective: float | None = None) -> bool:
        """Close a trial as what it was, a finished one with its objective, unless it is closed already; whether it is
        that now.

        The storage is told what `Study.tell` would find out for it, and asks three times less.
        """
        try:
            self.storage.set_trial_state_values(trial_id, TOLD[state], None if objective is None else [objective])
        except UpdateFinishedTrialError:
            return self.storage.get_trial(trial_id).state is TOLD[state]
        return True

    def beat(self, claims: Iterable[Claim]) -> None:
        """Tell other machines, every ten seconds, that these trials are alive."""
        if time.monotonic() - self._beat > HEARTBEAT_SECONDS:
            for claim in claims:
                self.storage.record_heartbeat(claim.trial_id)
            self._beat = time.monotonic()

    def lost(self, stopping: bool = False) -> list[FrozenTrial]:
        """Running trials whose owner is no more; with `stopping`, those of this process too."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        silent = set(self.storage._get_stale_trial_ids(self.study._study_id)) if running else set()
        dead = {trial._trial_id for trial in running if _is_orphan(trial)}
        for trial in running:
            owner = trial.user_attrs.get(OWNER, "")
            if (stopping and owner == self.owner) or (trial._trial_id in silent and not is_here(owner)):
                dead.add(trial._trial_id)
        return [trial for trial in running if trial._trial_id in dead]


def _is_orphan(trial: FrozenTrial) -> bool:
    """Whether a running trial's owner is dead, or was before it could sign."""
    if OWNER in trial.user_attrs:
        return is_dead(trial.user_attrs[OWNER])
    return time.time() - trial.datetime_start.timestamp() > GRACE_SECONDS


def seed_of(*numbers: int) -> int:
    """A 32-bit seed that depends on every number, and on nothing else."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
