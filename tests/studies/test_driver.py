"""What the driver does in which order, told by a pool and a tracker that only take note of it."""

import pytest
from rich.console import Console

from study.core.train import Epoch
from study.outputs.names import COMPLETE, INTERRUPTED
from study.studies.driver import Driver
from study.studies.view import View
from study.workers.pool import Outcome
from tests.test_search import finish_all, make_queue


class Pool:
    """One worker, which has trained what it was given as soon as it is asked."""

    def __init__(self, done):
        self.done, self.messages_of = done, []

    def idle(self):
        return [] if self.messages_of else [0]

    def start(self, worker, job):
        self.done.append("start")
        self.messages_of = [Epoch(1, 5, 0.1, 0.9, 0.1, 0.9, 0.1, 1.0, 1.0, 1.0, 10.0), Outcome(COMPLETE, 7, {})]

    def answer(self, worker, prune):
        pass

    def messages(self, timeout):
        yield 0, self.messages_of.pop(0)

    def close(self):
        pass


class Tracker:
    def __init__(self, done):
        self.done = done

    def start(self, *arguments):
        self.done.append("track")
        return "run"

    def log(self, *arguments):
        pass

    def finish(self, *arguments, **named):
        self.done.append("record")

    def close(self, run_id, state, *arguments):
        self.done.append(state)

    def runs(self, *arguments):
        return []


def driver_of(done, queue):
    view = View(Console(quiet=True), ("lr",))
    view.begin("s", queue.total, 0, 1)
    return Driver(Pool(done), Tracker(done), view, 0.1, [], {})


def test_a_worker_is_at_its_next_trial_before_the_last_one_is_written_down(tmp_path):
    done, queue = [], make_queue(tmp_path, 2)
    driver_of(done, queue).run(queue)
    assert done == ["start", "track", "start", "track", "record", "record"]
    assert queue.settled()


def test_a_trial_that_is_trained_is_written_down_whatever_stops_the_next_one(tmp_path, monkeypatch):
    done, queue = [], make_queue(tmp_path, 2)
    configure = queue.configure

    def stop(trial, slot, draft):
        if slot == 1:
            raise KeyboardInterrupt
        return configure(trial, slot, draft)

    monkeypatch.setattr(queue, "configure", stop)
    with pytest.raises(KeyboardInterrupt):
        driver_of(done, queue).run(queue)
    assert done == ["start", "track", "record"]
    assert [trial.state.name for trial in queue.study.trials] == ["COMPLETE", "FAIL", "WAITING"]


def test_a_trial_that_another_machine_took_over_leaves_no_second_finished_run(tmp_path):
    done, queue = [], make_queue(tmp_path, 1)
    driver = driver_of(done, queue)
    start = driver.pool.start

    def start_and_lose(worker, job):
        start(worker, job)
        other = make_queue(tmp_path, 1)
        (trial,) = other.study.trials
        other.tell(trial._trial_id, INTERRUPTED)
        other.retry()
        finish_all(other)

    driver.pool.start = start_and_lose
    driver.run(queue)
    assert done == ["start", "track", "record", "interrupted"]
    assert queue.finished() == 1


def test_a_trial_that_another_process_told_for_its_driver_counts(tmp_path):
    """It had read the finished run between this process's two last words."""
    done, queue = [], make_queue(tmp_path, 1)
    driver = driver_of(done, queue)
    driver.tracker.finish = lambda *_, **__: make_queue(tmp_path, 1).tell(
        queue.study.trials[0]._trial_id, COMPLETE, 0.9
    )
    driver.run(queue)
    assert done == ["start", "track"]
