"""What the driver does in which order, with a pool and a tracker that only take note of it."""

import os
import signal
import time

import pytest
from rich.console import Console

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, FAILED, INTERRUPTED, PRUNED
from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.studies.driver import ATTEMPTS, Driver
from hyperstudy.study.studies.view import View
from hyperstudy.study.workers.worker import Death, Failure, Outcome
from tests.search.playing import make_trials

METRICS = {"val/accuracy": 0.9, "val/loss": 0.1, "time/train_seconds": 1.0, "time/val_seconds": 1.0}
EPOCH = Epoch(1, METRICS)
TRAINED = [EPOCH, Outcome(COMPLETE, {"parameters": 7.0}, {"history.csv": b""}, "a processor", "a host", 1, 0.5)]


class Pool:
    """One worker, which answers every job with the same messages, or with those of `script` first."""

    def __init__(self, done, script=()):
        self.done, self.script = done, list(script)
        self.waiting, self.configs, self.verdicts = [], [], []

    def __len__(self):
        return 1

    def idle(self):
        return [] if self.waiting else [0]

    def host(self, worker):
        return ""

    def start(self, worker, job):
        self.done.append("start")
        self.configs.append(job.config)
        self.waiting = list(self.script.pop(0) if self.script else TRAINED)

    def answer(self, worker, prune):
        self.verdicts.append(prune)

    def messages(self, timeout):
        yield 0, self.waiting.pop(0)

    def close(self):
        self.done.append("close")


class Tracker:
    def __init__(self, done):
        self.done, self.closed = done, []

    def start(self, *arguments):
        self.done.append("track")
        return "run"

    def log(self, *arguments):
        pass

    def finish(self, run_id, state, *arguments, **named):
        self.done.append("record" if state != FAILED else "record failure")

    def close(self, run_id, state, *arguments):
        self.done.append(state)


def make_driver(done, script=(), check=lambda: None):
    return Driver(Pool(done, script), Tracker(done), View(Console(quiet=True), ("lr",)), ACCURACY, 0.1, {}, check)


def run(driver, trials):
    driver.run(trials, "s", [])


def test_a_worker_has_its_next_trial_before_the_last_one_is_recorded():
    done, trials = [], make_trials([2])
    run(make_driver(done), trials)
    assert done == ["start", "track", "start", "track", "record", "record"]
    assert trials.finished == 2


def test_a_trained_trial_is_recorded_whatever_stops_the_next_one(monkeypatch):
    done, trials = [], make_trials([2])
    driver, following = make_driver(done), trials.next

    def stop(workers):
        if "start" in done:
            raise KeyboardInterrupt
        return following(workers)

    monkeypatch.setattr(trials, "next", stop)
    with pytest.raises(KeyboardInterrupt):
        run(driver, trials)
    assert done == ["start", "track", "record", "close"]
    assert trials.finished == 1


def test_an_interrupted_driver_closes_the_runs_that_it_had_begun():
    done, trials = [], make_trials([2])

    def stop():
        raise InputError("the lock was lost")

    with pytest.raises(InputError, match="the lock was lost"):
        run(make_driver(done, check=stop), trials)
    assert done == ["start", "track", "close", INTERRUPTED]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_waits_until_nothing_is_half_written(number):
    done, trials, before = [], make_trials([2]), signal.getsignal(number)
    driver = make_driver(done)
    record = driver.tracker.finish

    def asked_meanwhile(*arguments, **named):
        os.kill(os.getpid(), number)
        record(*arguments, **named)

    driver.tracker.finish = asked_meanwhile
    with pytest.raises(KeyboardInterrupt):
        run(driver, trials)
    assert done == ["start", "track", "start", "track", "record", "close", INTERRUPTED]
    assert signal.getsignal(number) is before


def test_a_second_request_to_stop_does_not_wait():
    done, trials = [], make_trials([2])
    driver = make_driver(done)

    def asked_twice(*arguments, **named):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    driver.tracker.finish = asked_twice
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(driver, trials)
    assert time.monotonic() - started < 30


def test_a_command_in_the_background_goes_on_ignoring_ctrl_c():
    done, trials, before = [], make_trials([1]), signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        driver = make_driver(done)
        driver.tracker.log = lambda *_: os.kill(os.getpid(), signal.SIGINT)
        run(driver, trials)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["start", "track", "record"]


def test_a_trial_whose_worker_dies_is_tried_again_as_it_was():
    done, trials = [], make_trials([1])
    driver = make_driver(done, [[EPOCH, Death("killed")]])
    run(driver, trials)
    assert done == ["start", "track", INTERRUPTED, "start", "track", "record"]
    first, second = driver.pool.configs
    assert first == second
    assert (trials.finished, driver.failures) == (1, [])


def test_a_trial_whose_workers_keep_dying_is_given_up_and_the_others_are_trained():
    done, trials = [], make_trials([2])
    driver = make_driver(done, [[Death("killed")]] * ATTEMPTS)
    run(driver, trials)
    assert done.count(INTERRUPTED) == ATTEMPTS == 3
    assert done.count("record") == 1
    assert trials.finished == 1
    (failure,) = driver.failures
    assert failure == "explore-000 failed: its worker died 3 times, last: killed"


def test_a_trial_that_raises_is_recorded_as_failed_and_not_tried_again():
    done, trials = [], make_trials([2])
    driver = make_driver(done, [[Failure("ValueError: no", "Traceback")]])
    run(driver, trials)
    assert done == ["start", "track", "record failure", "start", "track", "record"]
    assert driver.failures == ["explore-000 failed: ValueError: no"]
    assert trials.finished == 1


def test_a_searched_trial_s_worker_gets_a_verdict_after_every_epoch_but_the_last():
    trials = make_trials([3], pruner="median", epochs="3")
    epochs = [EPOCH._replace(number=number) for number in (1, 2, 3)]
    driver = make_driver([], [[*epochs, TRAINED[1]]] * 3)
    run(driver, trials)
    assert driver.pool.verdicts == [False, False], "two of the three trials are designed"


def test_a_bad_trial_s_worker_is_told_to_stop():
    trials = make_trials([12], pruner="median", epochs="3")
    epochs = [EPOCH._replace(number=number) for number in (1, 2, 3)]
    bad = [EPOCH._replace(metrics=METRICS | {"val/accuracy": 0.1}), TRAINED[1]._replace(state=PRUNED)]
    driver = make_driver([], [[*epochs, TRAINED[1]]] * 11 + [bad])
    run(driver, trials)
    assert driver.pool.verdicts == [False, False] * 3 + [True]
    assert trials.finished == 12


def test_a_diverged_trial_s_worker_is_not_answered():
    """It asks nothing: its loss is not finite, and it has stopped."""
    trials = make_trials([2], pruner="median", epochs="3")
    broken = [EPOCH._replace(diverged_at=3), TRAINED[1]._replace(state=DIVERGED)]
    driver = make_driver([], [broken] * 2)
    run(driver, trials)
    assert driver.pool.verdicts == []
    assert trials.finished == 2


def test_training_time_is_what_the_epochs_took():
    trials = make_trials([3])
    driver = make_driver([])
    run(driver, trials)
    assert driver.spent["training"] == 3 * (METRICS["time/train_seconds"] + METRICS["time/val_seconds"])
    assert 0 < driver.spent["driving"] < 10
