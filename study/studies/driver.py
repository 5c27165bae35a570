"""The loop that keeps every worker busy, asks whether to prune, and tracks what comes back."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import StoreError
from hyperstudy.study.outputs.names import DIVERGED, FAILED, INTERRUPTED, finite, judged, summary
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.search.slots import Slot, Slots
from hyperstudy.study.studies.view import View
from hyperstudy.study.tracking.memory import Memory
from hyperstudy.study.tracking.tracker import KILLED, Tracker
from hyperstudy.study.workers.pool import Pool
from hyperstudy.study.workers.worker import Death, Failure, Job, Message, Outcome

ATTEMPTS = 3  # at one slot, when workers die
WAIT_SECONDS = 1.0


class Active(NamedTuple):
    """What a worker is training, and when it was given to it, by a clock that never goes back."""

    slot: Slot
    job: Job
    given: float
    run_id: str
    history: list[Epoch]


class Driver:
    """Trains the slots of a study. `guess` is the objective of guessing, if it is known; `spent` adds up seconds of
    training, tracking and driving.

    `check` raises if this process may not go on; it is called about once a second. `kept` are files that every run
    keeps. `ended` is called with the tags of each slot that has finished, once that is recorded.
    """

    def __init__(
        self,
        pool: Pool,
        tracker: Tracker | Memory,
        view: View,
        objective: Objective,
        guess: float | None,
        run_tags: Mapping[str, str],
        check: Callable[[], None],
        kept: Mapping[str, bytes] | None = None,
        ended: Callable[[Mapping[str, str]], None] = lambda tags: None,
    ) -> None:
        self.pool, self.tracker, self.view = pool, tracker, view
        self.objective, self.guess = objective, guess
        self.run_tags, self.check, self.kept, self.ended = run_tags, check, kept or {}, ended
        self.spent = dict.fromkeys(("training", "tracking", "driving"), 0.0)
        self.failures: list[str] = []
        self._deaths: Counter[str] = Counter()  # of workers, by the name of the slot
        self._active: dict[int, Active] = {}

    def run(self, slots: Slots, title: str, data: Sequence[Any]) -> None:
        """Return when every slot has had its trial. `data` are the data sets as the tracker records them.

        Interrupted, it closes the runs that it had begun; the same slots can be run again.
        """
        self._slots, self._data = slots, data
        self.view.begin(title, slots.total, slots.finished, len(self.pool))
        try:
            with _stoppable() as stopped:
                while self._hand_out() or self._active:
                    if not self._active:
                        self.view.waiting()
                    for worker, message in self.pool.messages(WAIT_SECONDS):
                        self._receive(worker, message)
                    self.view.refresh()
                    self.check()
                    if stopped():
                        raise KeyboardInterrupt
        except BaseException:
            self.pool.close()
            with suppress(StoreError, OSError):  # the same command closes what is left open
                for active in self._active.values():
                    self.tracker.close(active.run_id, INTERRUPTED, KILLED)
            raise

    def _hand_out(self) -> bool:
        """Give every idle worker a trial; whether there may be more of them for others."""
        for worker in self.pool.idle():
            with self._measure("driving"):
                slot = self._slots.next(len(self.pool))
            if slot is None:
                return False
            job, given = Job(slot.config, slot.prunable), time.perf_counter()
            self.pool.start(worker, job)
            params = {**slot.config.subject(), **slot.config.hyperparameters()}
            with self._measure("tracking"):
                run_id = self.tracker.start(slot.name, params, {**slot.tags, **self.run_tags}, self._data)
            self._active[worker] = Active(slot, job, given, run_id, [])
            self.view.started(worker, slot.name, slot.config, self.pool.host(worker))
        return True

    def _receive(self, worker: int, message: Message) -> None:
        match message:
            case Epoch():
                self._epoch(worker, message)
            case Outcome():
                self._finish(worker, message)
            case Failure():
                self._fail(worker, message)
            case Death():
                self._retry(worker, message)

    def _epoch(self, worker: int, epoch: Epoch) -> None:
        active = self._active[worker]
        active.history.append(epoch)
        known = finite(epoch.metrics)
        self.spent["training"] += sum(known.get(f"time/{part}_seconds", 0.0) for part in ("train", "val"))
        if epoch.diverged_at is None:
            with self._measure("driving"):
                value = known.get(self.objective.key)
                prune = value is not None and self._slots.report(active.slot, epoch.number, value)
                if active.job.asks_after(epoch):
                    self.pool.answer(worker, prune)
        with self._measure("tracking"):
            self.tracker.log(active.run_id, known, epoch.number)
        self.view.epoch(worker, epoch)

    def _finish(self, worker: int, outcome: Outcome) -> None:
        """Record a trial; its worker is given the next one first, so that it need not wait."""
        active = self._active[worker]
        queued = time.perf_counter() - active.given - outcome.busy
        value = judged(active.history, outcome.state, self.objective, self.guess)
        if value is None and outcome.state != DIVERGED:
            self._fail(worker, Failure(f"{self.objective.key} is no finite number after its last epoch", ""))
            return
        self._active.pop(worker)
        shown = self.view.ended(worker)
        with self._measure("driving"):
            self._slots.end(active.slot, outcome.state, value)
        try:
            self._hand_out()
        finally:
            metrics = summary(active.history, outcome.state, self.objective, self.guess) | finite(outcome.metrics)
            tags = {"hardware": outcome.hardware, "host": outcome.host, "threads": str(outcome.threads)}
            tags["queue_seconds"] = f"{queued:.3f}"
            with self._measure("tracking"):
                files = {**outcome.files, **self.kept}
                self.tracker.finish(active.run_id, outcome.state, metrics, files, tags=tags)
                self.ended(active.slot.tags)
        self.view.finished(shown, outcome.state, value)

    def _fail(self, worker: int, failure: Failure) -> None:
        """A trial that raised is not tried again now, but when the same command is given again."""
        active = self._active.pop(worker)
        files, tags = {"error.txt": failure.traceback.encode()}, {"error": failure.reason}
        self.tracker.finish(active.run_id, FAILED, {}, files, status="FAILED", tags=tags)
        self._give_up(active.slot, failure.reason)
        self.view.finished(self.view.ended(worker), FAILED, None)

    def _retry(self, worker: int, death: Death) -> None:
        """A trial whose worker died, killed by a person or for memory, is tried three times in all."""
        active = self._active.pop(worker)
        self.tracker.close(active.run_id, INTERRUPTED, KILLED, {"error": f"its worker died: {death.reason}"})
        self._deaths[active.slot.name] += 1
        if self._deaths[active.slot.name] < ATTEMPTS:
            self._slots.again(active.slot)
        else:
            self._give_up(active.slot, f"its worker died {ATTEMPTS} times, last: {death.reason}")
        self.view.finished(self.view.ended(worker), INTERRUPTED, None)

    def _give_up(self, slot: Slot, reason: str) -> None:
        self._slots.end(slot, FAILED, None)
        self.failures.append(f"{slot.name} failed: {reason}")
        self.view.note(self.failures[-1])

    @contextmanager
    def _measure(self, what: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.spent[what] += time.perf_counter() - started


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or a request to terminate has come: it waits for a moment at which nothing is half written. A
    second one does not wait."""
    asked = []

    def stop(*signal_and_frame: object) -> None:
        asked.append(True)
        if len(asked) > 1:
            raise KeyboardInterrupt

    heard = threading.current_thread() is threading.main_thread()  # signals can be handled nowhere else
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if heard}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # a command in the background of a shell ignores Ctrl-C
            signal.signal(number, stop)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
