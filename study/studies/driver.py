"""The loop that keeps every worker busy, asks the sampler and the pruner, and tracks what comes back."""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from study.core.data import Part
from study.core.train import Epoch
from study.outputs.names import FAILED, FINISHED, INTERRUPTED, epoch_metrics, finite, objective, summary
from study.search.trials import Claim, Queue
from study.studies.view import View
from study.tracking.tracker import STATE, Run, Tracker
from study.workers.pool import Death, Failure, Job, Outcome, Pool
from study.workers.processes import heed, held

REAP_SECONDS = 30  # between looks for trials whose owner died
ATTEMPTS = 3  # of one slot, when workers die under it
WAIT_SECONDS = 1.0
NUMBER, QUEUE = "optuna_trial", "optuna_study"  # tags that name a run's trial in the other store


class Active(NamedTuple):
    claim: Claim
    run_id: str
    folder: Path
    history: list[Epoch]


class TestSet(NamedTuple):
    """The test pictures, and how the tracker records them."""

    part: Part
    record: Any


class Driver:
    """Runs every waiting trial of a queue. `spent` adds up seconds of training, tracking and driving."""

    def __init__(
        self,
        pool: Pool,
        tracker: Tracker,
        view: View,
        chance: float,
        data: Sequence[Any],
        run_tags: Mapping[str, str],
    ) -> None:
        self.pool, self.tracker, self.view, self.chance = pool, tracker, view, chance
        self.data, self.run_tags = data, run_tags  # the data set as the tracker records it, and tags of every run
        self.spent = dict.fromkeys(("training", "tracking", "driving"), 0.0)
        self.failures: list[str] = []
        self.deaths: Counter[int] = Counter()  # of workers, by slot
        self.active: dict[int, Active] = {}
        self.reaped = time.monotonic()

    def run(self, queue: Queue, test: TestSet | None = None) -> None:
        """Return when every slot of the queue has had its trial, here or elsewhere.

        Interrupted, it closes what it had begun, so that the same queue can be run again.
        """
        with tempfile.TemporaryDirectory(prefix="study-") as scratch:
            self.scratch = Path(scratch)
            try:
                while True:
                    heed()
                    self._hand_out(queue, test)
                    if self._done(queue):
                        return
                    for worker, message in self.pool.messages(WAIT_SECONDS):
                        self._receive(queue, worker, message, test)
                    self.view.refresh()
            except BaseException:
                self.pool.close()
                reap(queue, self.tracker, stopping=True)
                raise

    def _done(self, queue: Queue) -> bool:
        """Whether nothing is left; while other processes are at the last trials, look now and then if they live."""
        with self._measure("driving"):
            queue.beat(active.claim for active in self.active.values())
            if self.active:
                return False
            if time.monotonic() - self.reaped > REAP_SECONDS:
                reap(queue, self.tracker)
                self.reaped = time.monotonic()
            return queue.settled()

    def _hand_out(self, queue: Queue, test: TestSet | None) -> None:
        for worker in self.pool.idle():
            with self._measure("driving"):
                claim = queue.claim()
            if claim is None:
                return
            folder = Path(tempfile.mkdtemp(dir=self.scratch))
            self.pool.start(worker, Job(claim.config, folder, claim.prunable, test and test.part))
            with self._measure("tracking"):
                run_id = self._start_run(queue, claim, test)
            self.active[worker] = Active(claim, run_id, folder, [])
            self.view.started(worker, claim.name, claim.config)

    def _start_run(self, queue: Queue, claim: Claim, test: TestSet | None) -> str:
        tags = {"phase": claim.phase, "trial": claim.slot, NUMBER: claim.number, QUEUE: queue.name}
        tags |= {**claim.tags, **self.run_tags}
        params = {"dataset": claim.config.dataset, "model": claim.config.model, **claim.config.hyperparameters()}
        return self.tracker.start(claim.name, params, tags, [*self.data, test.record] if test else self.data)

    def _receive(self, queue: Queue, worker: int, message: Any, test: TestSet | None) -> None:
        match message:
            case Epoch():
                self._epoch(queue, worker, message)
            case Outcome():
                self._finish(queue, worker, message, test)
            case Failure():
                self._fail(queue, worker, message)
            case Death():
                self._bury(queue, worker, message)

    def _epoch(self, queue: Queue, worker: int, epoch: Epoch) -> None:
        active = self.active[worker]
        active.history.append(epoch)
        self.spent["training"] += epoch.train_seconds + epoch.val_seconds
        if epoch.diverged_at is None:
            with self._measure("driving"):
                prune = queue.report(active.claim, epoch.epoch, epoch.val_accuracy)
                if active.claim.asks_after(epoch.epoch):
                    self.pool.answer(worker, prune)
        with self._measure("tracking"):
            self.tracker.log(active.run_id, epoch_metrics(epoch), epoch.epoch)
        self.view.epoch(worker, epoch)

    def _finish(self, queue: Queue, worker: int, outcome: Outcome, test: TestSet | None) -> None:
        """Give the worker its next trial, that it need not wait while this one is written down."""
        active, shown = self.active.pop(worker), self.view.ended(worker)
        value = objective(active.history, outcome.state, self.chance)
        with self._measure("driving"):
            queue.conclude(active.claim, outcome.state, value)
        try:
            self._hand_out(queue, test)
        finally:  # an interrupt meanwhile does not undo what is trained
            self._record(queue, active, outcome, value)
        self.view.finished(shown, outcome.state, value)

    def _record(self, queue: Queue, active: Active, outcome: Outcome, value: float) -> None:
        """Close a finished trial in both stores; a trial whose run is complete is one that finished."""
        metrics = {
            **summary(active.history, outcome.state, self.chance),
            **finite(outcome.test),
            "parameters": outcome.parameters,
        }
        with held():
            with self._measure("tracking"):
                self.tracker.finish(active.run_id, outcome.state, metrics, active.folder)
                shutil.rmtree(active.folder)
            with self._measure("driving"):
                counts = queue.finish(active.claim, outcome.state, value)
        if not counts:  # taken for lost by another machine, which has it trained again
            self.tracker.close(active.run_id, INTERRUPTED, "KILLED", {"error": "another process took it over"})

    def _fail(self, queue: Queue, worker: int, failure: Failure) -> None:
        """A trial that raised is a failure of its own; the same command tries it again, this one does not."""
        active = self.active.pop(worker)
        (active.folder / "error.txt").write_text(failure.traceback)
        self.tracker.finish(active.run_id, FAILED, {}, active.folder, status="FAILED", tags={"error": failure.reason})
        queue.finish(active.claim, FAILED)
        self._report_failure(active.claim, failure.reason)
        self.view.finished(self.view.ended(worker), FAILED, None)

    def _bury(self, queue: Queue, worker: int, death: Death) -> None:
        """A trial whose worker died, killed by a person or for memory, is tried again, three times in all."""
        active = self.active.pop(worker)
        self.tracker.close(active.run_id, INTERRUPTED, "KILLED", {"error": f"worker ended with {death.exit_code}"})
        queue.finish(active.claim, INTERRUPTED)
        self.deaths[active.claim.slot] += 1
        if self.deaths[active.claim.slot] < ATTEMPTS:
            queue.retry(active.claim.slot)
        else:
            self._report_failure(active.claim, f"its worker died {ATTEMPTS} times, last with {death.exit_code}")
        self.view.finished(self.view.ended(worker), INTERRUPTED, None)

    def _report_failure(self, claim: Claim, reason: str) -> None:
        self.failures.append(f"{claim.phase} trial {claim.slot} failed: {reason}")
        self.view.note(self.failures[-1])

    @contextmanager
    def _measure(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent[what] += time.perf_counter() - started


def reap(queue: Queue, tracker: Tracker, stopping: bool = False) -> None:
    """Close in both stores what a dead process left open, as what it was, and enqueue again what it did not finish.

    A trial whose run is already complete is told so: it finished, and only its driver did not live to say it. With
    `stopping`, this process counts as dead too: an interrupt may fall between any two steps of starting a trial.
    """
    if lost := queue.lost(stopping):
        complete = {run.tags[NUMBER]: run for run in tracker.runs() if _belongs(run, queue) and STATE in run.tags}
        for trial in lost:
            run = complete.get(str(trial.number))
            state = run.tags[STATE] if run else INTERRUPTED
            queue.tell(trial._trial_id, state, run.metrics["objective"] if state in FINISHED else None)
        numbers = {trial.number for trial in lost}
        for slot, attempts in queue.trials().items():
            if any(trial.number in numbers for trial in attempts):
                queue.retry(slot)
    left_open = _left_open(queue, tracker)
    running = queue.running()  # asked after, so that a trial which starts meanwhile is in it
    still = _left_open(queue, tracker)  # asked again, so that one which ended meanwhile is not
    for run_id in left_open.keys() & still.keys():
        run = still[run_id]
        if int(run.tags[NUMBER]) not in running:
            state = run.tags.get(STATE, INTERRUPTED)
            tracker.close(run_id, state, "FINISHED" if state in FINISHED else "KILLED")


def _left_open(queue: Queue, tracker: Tracker) -> dict[str, Run]:
    runs = tracker.runs("attributes.status = 'RUNNING'")
    return {run.run_id: run for run in runs if _belongs(run, queue)}


def _belongs(run: Run, queue: Queue) -> bool:
    """Whether a run is of the queue's study: several queues may share an experiment, and number their trials alike."""
    return run.tags.get(QUEUE) == queue.name
