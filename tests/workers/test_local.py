import io
import os
import platform
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.mapped import mapped
from hyperstudy.study.core.data.splits import load_test
from hyperstudy.study.core.train import train
from hyperstudy.study.outputs.environment import hardware
from hyperstudy.study.outputs.files import load_trained
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Death, Failure, Job, Outcome
from tests.conftest import environment, wait_for
from tests.workers.listening import listen

CPU = torch.device("cpu")
FILES = {"config.json", "history.csv", "weights.safetensors"}
TEST_FILES = {"answers.npz", "confusion_matrix.csv", "confusion_matrix.png", "learning_curves.png", "mistakes.npz"}
MLP = Config(model="mlp", epochs=1)


@pytest.fixture(scope="module")
def pool(digits):
    with LocalPool(2, CPU) as pool:
        pool.load(PicturesTask("data", digits))
        yield pool


def workers_of(pid=None):
    """The processes that a process has spawned, but for Python's resource tracker."""
    found = set()
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.add(child)
    return found


@contextmanager
def one_worker(splits):
    """A pool of one worker, and a function that returns the worker's process as it is now."""
    others = workers_of()
    with LocalPool(1, CPU) as pool:
        pool.load(PicturesTask("data", splits))
        yield pool, lambda: min(workers_of() - others)


def kill(process):
    """Kill a worker, and wait until all its threads are gone; `LocalPool` is to find out by itself."""
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_job_sends_its_epochs_and_its_files(pool, tmp_path, digits):
    pool.start(0, Job(Config(epochs=4, lr=3e-3)))
    *epochs, outcome = listen(pool, 0)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4]
    assert (outcome.state, outcome.metrics) == ("complete", {"parameters": 6138.0})
    assert (outcome.hardware, outcome.host) == (hardware(CPU), platform.node())
    assert set(outcome.files) == FILES
    for name, content in outcome.files.items():
        (tmp_path / name).write_bytes(content)
    probabilities = load_trained(tmp_path).probabilities(digits.val.images)
    accuracy = (probabilities.argmax(1) == digits.val.labels).double().mean().item()
    assert accuracy == pytest.approx(epochs[-1].metrics["val/accuracy"])


def test_test_pictures_arrive_with_the_others_and_are_met(digits, tmp_path):
    test = load_test("digits", Path("data"), 8)
    with LocalPool(1, CPU) as pool:
        pool.load(PicturesTask("data", digits))
        pool.load(PicturesTask("data", digits._replace(test=test)))
        pool.start(0, Job(Config(epochs=3, lr=3e-3)))
        outcome = listen(pool, 0)[-1]
    assert set(outcome.files) == FILES | TEST_FILES
    for name, content in outcome.files.items():
        (tmp_path / name).write_bytes(content)
    trained = load_trained(tmp_path)
    predicted = trained.probabilities(test.images).argmax(1)
    accuracy = (predicted == test.labels).double().mean().item()
    assert outcome.metrics["test/accuracy"] == pytest.approx(accuracy)
    counts = pd.read_csv(tmp_path / "confusion_matrix.csv", index_col=0).to_numpy()
    assert counts.sum() == len(test.labels)
    assert counts.trace() / 360 == pytest.approx(accuracy)
    assert counts.sum(1).tolist() == torch.bincount(test.labels).tolist()
    with np.load(io.BytesIO(outcome.files["mistakes.npz"])) as mistakes:
        assert len(mistakes["true"]) == min(12, 360 - counts.trace())
        answered = trained.probabilities(torch.from_numpy(mistakes["pictures"])).argmax(1)
        assert answered.tolist() == mistakes["predicted"].tolist() != mistakes["true"].tolist()


@pytest.mark.skipif(not hasattr(psutil.Process, "memory_maps"), reason="no list of mapped files on this system")
def test_a_worker_maps_the_file_of_the_pictures_and_trains_the_same(digits, tmp_path):
    def in_file(part, name):
        np.save(tmp_path / f"{name}.npy", part.images.numpy())
        return part._replace(images=mapped(np.load(tmp_path / f"{name}.npy", mmap_mode="r")))

    config = Config(epochs=1, image_size=6)
    *_, expected = train(config, digits)
    with one_worker(digits._replace(train=in_file(digits.train, "train"), val=in_file(digits.val, "val"))) as (
        pool,
        process,
    ):
        pool.start(0, Job(config))
        *_, epoch, outcome = listen(pool, 0)
        maps = {Path(row.path).name for row in process().memory_maps() if row.path}
    assert outcome.state == "complete"
    assert (epoch.metrics["train/loss"], epoch.metrics["val/loss"]) == (
        expected.metrics["train/loss"],
        expected.metrics["val/loss"],
    )
    assert {"train.npy", "val.npy"} <= maps


def test_pictures_that_are_lost_are_not_taken_for_those_before_them(digits, tmp_path):
    np.save(tmp_path / "train.npy", digits.train.images.numpy())
    lost = mapped(np.load(tmp_path / "train.npy", mmap_mode="r"))
    with one_worker(digits) as (pool, _):
        (tmp_path / "train.npy").unlink()
        pool.load(PicturesTask("data", digits._replace(train=digits.train._replace(images=lost))))
        pool.start(0, Job(Config(epochs=1)))
        assert isinstance(listen(pool, 0)[-1], Death | Failure)


def test_a_prunable_job_stops_when_it_is_told_to(pool):
    pool.start(0, Job(Config(model="mlp", epochs=9), prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False, False, True])
    assert (len(epochs), outcome.state) == (3, "pruned")
    assert len(pd.read_csv(io.BytesIO(outcome.files["history.csv"]))) == 3


def test_a_trial_that_is_trained_is_not_pruned_after_its_last_epoch(pool):
    pool.start(0, Job(Config(model="mlp", epochs=2), prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False])
    assert (len(epochs), outcome.state) == (2, "complete")


def test_a_diverged_job_says_so_and_asks_nothing(pool):
    config = Config(model="softmax", optimizer="sgd", lr=10.0, weight_decay=10.0, momentum=0.0)
    pool.start(0, Job(config, prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False] * 9)
    assert outcome.state == "diverged"
    assert epochs[-1].diverged_at
    assert set(outcome.files) == FILES


def test_a_job_that_raises_is_a_failure_and_the_worker_goes_on(pool):
    impossible = Config(model="mlp", epochs=1)
    object.__setattr__(impossible, "model", "nonsense")
    pool.start(0, Job(impossible))
    (failure,) = listen(pool, 0)
    assert isinstance(failure, Failure)
    assert failure.reason == "KeyError: 'nonsense'"
    assert "Traceback" in failure.traceback
    assert "build" in failure.traceback
    pool.start(0, Job(MLP))
    assert isinstance(listen(pool, 0)[-1], Outcome)


def test_a_killed_worker_is_a_death_and_the_next_has_the_pictures_again(digits):
    with one_worker(digits) as (pool, process):
        pool.start(0, Job(Config(epochs=1000)))
        assert list(pool.messages(60))
        process().kill()
        assert listen(pool, 0)[-1] == Death("process ended with -9")
        pool.start(0, Job(MLP))
        assert isinstance(listen(pool, 0)[-1], Outcome)


def test_a_worker_that_is_killed_while_it_speaks_is_a_death(digits):
    wide = Config(model="mlp", width=16.0, epochs=1)  # its weights are more than a pipe holds at once
    with one_worker(digits) as (pool, process):
        pool.start(0, Job(wide))
        assert [number for number, _ in pool.messages(60)] == [0]
        assert pool._workers[0][1].poll(60)
        kill(process())
        assert listen(pool, 0)[-1] == Death("process ended with -9")
        pool.start(0, Job(MLP))
        assert isinstance(listen(pool, 0)[-1], Outcome)


def test_a_worker_that_was_killed_while_idle_is_replaced_and_gets_the_latest_pictures(digits):
    with one_worker(digits) as (pool, process):
        pool.start(0, Job(MLP))
        assert "test/accuracy" not in listen(pool, 0)[-1].metrics
        kill(process())
        pool.load(PicturesTask("data", digits._replace(test=digits.val)))
        pool.start(0, Job(MLP))
        *epochs, outcome = listen(pool, 0)
        assert outcome.metrics["test/accuracy"] == pytest.approx(epochs[-1].metrics["val/accuracy"])


def test_a_worker_that_was_killed_before_its_job_is_replaced(digits):
    with one_worker(digits) as (pool, process):
        pool.start(0, Job(MLP))
        listen(pool, 0)
        kill(process())
        pool.start(0, Job(MLP))
        assert isinstance(listen(pool, 0)[-1], Outcome)


def test_an_answer_to_a_dead_worker_is_dropped(digits):
    with one_worker(digits) as (pool, process):
        pool.start(0, Job(Config(epochs=1000), prunable=True))
        assert list(pool.messages(60))
        kill(process())
        pool.answer(0, False)
        assert listen(pool, 0)[-1] == Death("process ended with -9")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux shows a process's signals as a file")
def test_a_worker_is_deaf_to_ctrl_c_from_its_birth():
    """Ctrl-C reaches the whole group, also a worker that is still importing, which would print a traceback."""
    others = workers_of()
    with LocalPool(1, CPU):
        wait_for(lambda: workers_of() - others, 10)  # its command line is empty for a moment
        (worker,) = workers_of() - others
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigBlk", "SigIgn"))]
        assert (masks[0] | masks[1]) & 1 << (signal.SIGINT - 1)


def test_closing_ends_every_worker_busy_or_idle(digits):
    others = workers_of()
    with LocalPool(2, CPU) as pool:
        pool.load(PicturesTask("data", digits))
        pool.start(0, Job(Config(epochs=1000)))
        assert list(pool.messages(60))
        mine = workers_of() - others
        assert len(mine) == 2
    assert not any(map(is_alive, mine))


DRIVER = """
import time
from pathlib import Path
import torch
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import load_splits
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job

if __name__ == "__main__":
    with LocalPool(2, torch.device("cpu")) as pool:
        pool.load(PicturesTask("data", load_splits("digits", Path("data"), 8)))
        pool.start(0, Job(Config(depth=4, width=16.0, image_size=64, epochs=1)))
        print("started", flush=True)
        time.sleep(600)
"""


def test_workers_end_when_their_driver_is_killed(tmp_path):
    """One is idle, the other in an epoch of minutes."""
    (tmp_path / "driver.py").write_text(DRIVER)
    words = [sys.executable, str(tmp_path / "driver.py")]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout.readline() == "started\n"
        workers = workers_of(driver.pid)
        assert len(workers) == 2
        wait_for(
            lambda: abs(sum(sign * worker.cpu_times().user for sign, worker in zip((1, -1), workers, strict=True))) > 2
        )
        driver.kill()
        driver.wait()
    wait_for(lambda: not any(map(is_alive, workers)), 10)
