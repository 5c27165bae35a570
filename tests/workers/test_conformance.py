"""What every pool promises, of processes on this machine and of actors on a real cluster."""

import io
import os
import platform
import signal
import time

import pandas as pd
import psutil
import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.loops import LOOPS, LoopConfig
from hyperstudy.study.core.own import LOADED, load_own, read_own
from hyperstudy.study.outputs.environment import hardware
from hyperstudy.study.tasks.loop import LoopTask
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.pool import make_pool
from hyperstudy.study.workers.worker import Cluster, Death, Failure, Job, Outcome, perform
from tests.conftest import wait_for
from tests.workers.listening import listen

CPU = torch.device("cpu")
FOREVER = 1000  # epochs
OWN = """
import os
import signal
import time

import hyperstudy as hs


ENDINGS = ("well", "killed", "killed at last", "raises")


def train(config, seed):
    for epoch in range(1, config.epochs + 1):
        if config.ending == "killed" and epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if config.ending == "raises" and epoch == 2:
            raise ValueError("no second epoch")
        time.sleep(0.01)
        yield {"score": float(epoch), "process": float(os.getpid())}
    return config.ending


def test(ending):
    if ending == "killed at last":
        os.kill(os.getpid(), signal.SIGKILL)
    return 1.0


hs.LOOPS["odd"] = hs.Loop(
    train,
    {
        "epochs": hs.Hyperparameter("passes", 3, hs.Range(1, 10), (1, 1000)),
        "ending": hs.Hyperparameter("how it ends", "well", hs.Choice(ENDINGS), searched=True),
    },
    objective="score",
    test=test,
)
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A user's own file, whose rows this process has meanwhile."""
    path = tmp_path_factory.mktemp("own") / "odd.py"
    path.write_text(OWN)
    own = read_own(path)
    load_own(own)
    yield own
    del LOOPS["odd"], LOADED[own.digest]


@pytest.fixture(scope="module", params=["processes", "cluster"])
def where(request):
    """None for this machine, or a cluster, with room for four trials."""
    return None if request.param == "processes" else Cluster(request.getfixturevalue("cluster").address, cpus=0.5)


@pytest.fixture(scope="module")
def shared(where, own):
    with make_pool(CPU, 2, 100, own, where) as pool:
        yield pool


@pytest.fixture
def pool(shared, digits):
    shared.load(PicturesTask("data", digits))
    return shared


@pytest.fixture
def looped(shared):
    shared.load(LoopTask("odd"))
    return shared


def free(pool, count=1):
    """So many workers that are ready."""
    until = time.monotonic() + 120
    while len(pool.idle()) < count:
        assert not list(pool.messages(1))
        assert time.monotonic() < until
    return pool.idle()[:count]


def first(pool):
    """The first message that a busy worker sends."""
    while not (received := list(pool.messages(10))):
        pass
    ((_, message),) = received
    return message


def done(pool, config, answers=(), prunable=False):
    """All messages of a job that a free worker is given."""
    (worker,) = free(pool)
    pool.start(worker, Job(config, prunable))
    assert worker not in pool.idle()
    return listen(pool, worker, answers)


def reference(config, task):
    """The same job in this process."""
    steps, received = perform(Job(config), task), []
    try:
        while True:
            received.append(next(steps))
    except StopIteration as end:
        return [*received, end.value]


def timeless(epoch):
    return {name: value for name, value in epoch.metrics.items() if not name.startswith("time/")}


def test_a_worker_is_not_busy_while_it_waits_for_an_answer(digits):
    config, pause = Config(model="softmax", epochs=3), 0.2
    started, steps = time.perf_counter(), perform(Job(config, prunable=True), PicturesTask("data", digits))
    next(steps)
    for _ in range(2):
        time.sleep(pause)
        steps.send(False)
    time.sleep(pause)
    with pytest.raises(StopIteration) as end:
        steps.send(False)
    assert 0 < end.value.value.busy <= time.perf_counter() - started - 3 * pause


def test_a_job_gives_bit_for_bit_what_it_gives_in_this_process(pool, digits):
    config = Config(epochs=3, lr=3e-3)
    *epochs, outcome = done(pool, config)
    *expected, there = reference(config, PicturesTask("data", digits))
    assert [(epoch.number, timeless(epoch)) for epoch in epochs] == [(e.number, timeless(e)) for e in expected]
    assert outcome._replace(files={}, busy=0) == there._replace(files={}, busy=0)
    assert set(outcome.files) == set(there.files)
    for name in ("config.json", "weights.safetensors"):
        assert outcome.files[name] == there.files[name]
    assert all(isinstance(content, bytes) for content in outcome.files.values())
    assert (outcome.hardware, outcome.threads) == (hardware(CPU), 1)
    assert outcome.host


def test_each_epoch_but_the_last_asks_whether_to_prune(pool):
    *epochs, outcome = done(pool, Config(model="mlp", epochs=4), [False, False, False], prunable=True)
    assert ([epoch.number for epoch in epochs], outcome.state) == ([1, 2, 3, 4], "complete")


def test_a_pruned_job_ends_after_that_epoch_and_leaves_its_files(pool):
    *epochs, outcome = done(pool, Config(model="mlp", epochs=9), [False, True], prunable=True)
    assert (len(epochs), outcome.state) == (2, "pruned")
    assert len(pd.read_csv(io.BytesIO(outcome.files["history.csv"]))) == 2


def test_a_diverged_job_asks_nothing(pool):
    config = Config(model="softmax", optimizer="sgd", lr=10.0, weight_decay=10.0, momentum=0.0)
    (worker,) = free(pool)
    pool.start(worker, Job(config, prunable=True))
    received = []
    while not received or isinstance(received[-1], Epoch):
        for _, message in pool.messages(10):
            received.append(message)
            if isinstance(message, Epoch) and message.diverged_at is None:
                pool.answer(worker, False)
    assert received[-1].state == "diverged"
    assert received[-2].diverged_at


def test_both_workers_train_at_once_and_each_message_names_its_own(looped):
    workers = free(looped, 2)
    assert len(looped) == 2
    for worker, epochs in zip(workers, (2, 5), strict=True):
        looped.start(worker, Job(LoopConfig("odd", epochs=epochs)))
    counted = dict.fromkeys(workers, 0)
    while len(looped.idle()) < 2:
        for worker, message in looped.messages(10):
            counted[worker] += isinstance(message, Epoch)
    assert [counted[worker] for worker in workers] == [2, 5]


def test_the_host_of_a_worker_is_named_where_there_are_several(looped, where):
    (worker,) = free(looped)
    assert looped.host(worker) == (platform.node() if where else "")


def test_a_user_s_own_rows_are_there(looped):
    *epochs, outcome = done(looped, LoopConfig("odd"))
    assert [epoch.metrics["score"] for epoch in epochs] == [1.0, 2.0, 3.0]
    assert outcome.state == "complete"
    assert epochs[0].metrics["process"] != os.getpid()


def test_a_job_that_raises_is_a_failure_and_the_worker_goes_on(looped):
    epoch, failure = done(looped, LoopConfig("odd", ending="raises"))
    assert epoch.number == 1
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("ValueError: no second epoch (line ")
    assert "Traceback" in failure.traceback
    assert isinstance(done(looped, LoopConfig("odd"))[-1], Outcome)


def test_a_killed_worker_is_a_death_and_is_replaced(looped):
    epoch, death = done(looped, LoopConfig("odd", ending="killed"))
    assert epoch.number == 1
    assert isinstance(death, Death)
    assert "ended" in death.reason
    for _ in range(2):
        assert isinstance(done(looped, LoopConfig("odd"))[-1], Outcome)
    assert len(free(looped, 2)) == len(looped) == 2


def test_a_worker_that_is_killed_while_it_makes_its_files_is_a_death(shared):
    shared.load(LoopTask("odd", meets_test=True))
    *epochs, death = done(shared, LoopConfig("odd", ending="killed at last"))
    assert len(epochs) == 3
    assert isinstance(death, Death)
    outcome = done(shared, LoopConfig("odd"))[-1]
    assert outcome.metrics == {"test/score": 1.0}


def test_a_worker_that_was_stopped_goes_on_where_it_was(looped):
    (worker,) = free(looped)
    looped.start(worker, Job(LoopConfig("odd", epochs=300)))
    process = int(first(looped).metrics["process"])
    os.kill(process, signal.SIGSTOP)
    try:
        while list(looped.messages(1.0)):
            pass
        assert not list(looped.messages(2.0))
        assert worker not in looped.idle()
    finally:
        os.kill(process, signal.SIGCONT)
    *epochs, outcome = listen(looped, worker)
    assert (epochs[-1].number, outcome.state) == (300, "complete")


def test_an_answer_to_a_dead_worker_is_dropped(looped):
    (worker,) = free(looped)
    looped.start(worker, Job(LoopConfig("odd", epochs=FOREVER), prunable=True))
    epoch = first(looped)
    os.kill(int(epoch.metrics["process"]), signal.SIGKILL)
    wait_for(lambda: not_running(epoch.metrics["process"]))
    looped.answer(worker, False)
    assert isinstance(listen(looped, worker)[-1], Death)


def test_a_second_task_takes_the_place_of_the_first(shared, digits):
    shared.load(LoopTask("odd"))
    assert isinstance(done(shared, LoopConfig("odd"))[-1], Outcome)
    shared.load(PicturesTask("data", digits._replace(test=digits.val)))
    *epochs, outcome = done(shared, Config(model="mlp", epochs=1))
    assert outcome.metrics["test/accuracy"] == pytest.approx(epochs[-1].metrics["val/accuracy"])


def test_closing_leaves_no_process_behind(where, own):
    with make_pool(CPU, 1, 100, own, where) as pool:
        pool.load(LoopTask("odd"))
        (worker,) = free(pool)
        pool.start(worker, Job(LoopConfig("odd", epochs=FOREVER)))
        epoch = first(pool)
    wait_for(lambda: not_running(epoch.metrics["process"]), 20)


def not_running(process):
    process = int(process)
    return not psutil.pid_exists(process) or psutil.Process(process).status() == psutil.STATUS_ZOMBIE
