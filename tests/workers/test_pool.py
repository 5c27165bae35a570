import os
import signal

import numpy as np
import psutil
import pytest
import torch

from study.core.config import Config
from study.core.data import load_test
from study.core.train import Epoch
from study.outputs.files import load_classifier
from study.workers.pool import Death, Failure, Job, Outcome, Pool


@pytest.fixture(scope="module")
def pool(digits):
    with Pool(2, digits, torch.device("cpu")) as pool:
        yield pool


def listen(pool, worker, answers=()):
    """All messages of one job, answering its questions."""
    received, answers = [], list(answers)
    while not received or isinstance(received[-1], Epoch):
        for number, message in pool.messages(10):
            assert number == worker
            received.append(message)
            if isinstance(message, Epoch) and message.diverged_at is None and answers:
                pool.answer(worker, answers.pop(0))
    return received


def test_a_job_sends_its_epochs_and_leaves_a_classifier_that_predicts_as_it_did(pool, digits, tmp_path):
    config = Config(epochs=4, lr=3e-3)
    test = load_test("digits", None, 8).shared()
    pool.start(0, Job(config, tmp_path, test=test))
    *epochs, outcome = listen(pool, 0)
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3, 4]
    assert (outcome.state, outcome.parameters) == ("complete", 6138)
    names = {"config.json", "history.csv", "weights.safetensors", "confusion_matrix.csv", "mistakes.npz"}
    assert names | {"confusion_matrix.png", "learning_curves.png"} == {path.name for path in tmp_path.iterdir()}
    predicted = load_classifier(tmp_path)(test.images)
    assert torch.allclose(predicted.sum(1), torch.ones(360))
    accuracy = (predicted.argmax(1) == test.labels).double().mean().item()
    assert accuracy == pytest.approx(outcome.test["test/accuracy"])
    rows = [line.split(",")[1:] for line in (tmp_path / "confusion_matrix.csv").read_text().splitlines()[1:]]
    counts = torch.tensor([[int(cell) for cell in row] for row in rows])
    assert counts.sum() == 360
    assert counts.diag().sum() / 360 == pytest.approx(accuracy)
    assert counts.sum(1).tolist() == torch.bincount(test.labels).tolist()
    with np.load(tmp_path / "mistakes.npz") as mistakes:
        assert 0 < len(mistakes["true"]) == min(12, 360 - counts.diag().sum().item())
        said = load_classifier(tmp_path)(torch.from_numpy(mistakes["pictures"]))
        assert said.argmax(1).tolist() == mistakes["predicted"].tolist() != mistakes["true"].tolist()
        assert said.max(1).values.tolist() == pytest.approx(mistakes["probability"], abs=1e-5)
        assert (np.diff(mistakes["probability"]) <= 0).all()


def test_without_a_test_part_the_test_pictures_are_not_met(pool, tmp_path):
    pool.start(1, Job(Config(model="mlp", epochs=1), tmp_path))
    assert listen(pool, 1)[-1].test == {}


def test_a_prunable_job_stops_when_it_is_told_to(pool, tmp_path):
    pool.start(0, Job(Config(model="mlp", epochs=9), tmp_path, prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False, False, True])
    assert (len(epochs), outcome.state) == (3, "pruned")


def test_a_trial_that_is_trained_is_not_pruned_after_its_last_epoch(pool, tmp_path):
    pool.start(0, Job(Config(model="mlp", epochs=2), tmp_path, prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False])
    assert (len(epochs), outcome.state) == (2, "complete")


def test_a_diverged_job_says_so_and_asks_nothing(pool, tmp_path):
    config = Config(model="softmax", optimizer="sgd", lr=10.0, weight_decay=10.0, momentum=0.0)
    pool.start(0, Job(config, tmp_path, prunable=True))
    *epochs, outcome = listen(pool, 0, answers=[False] * 9)
    assert outcome.state == "diverged"
    assert epochs[-1].diverged_at


def test_a_job_that_raises_is_a_failure_and_the_worker_lives_on(pool, tmp_path):
    pool.start(0, Job(Config(model="mlp", epochs=1), tmp_path / "missing"))
    assert isinstance(failure := listen(pool, 0)[-1], Failure)
    assert failure.reason.startswith("FileNotFoundError")
    assert "Traceback" in failure.traceback
    pool.start(0, Job(Config(model="mlp", epochs=1), tmp_path))
    assert isinstance(listen(pool, 0)[-1], Outcome)


def test_a_killed_worker_is_a_death_and_is_replaced(pool, tmp_path):
    pool.start(1, Job(Config(epochs=500), tmp_path))
    os.kill(pool.pids()[1], signal.SIGKILL)
    assert listen(pool, 1)[-1] == Death(-signal.SIGKILL)
    pool.start(1, Job(Config(model="mlp", epochs=1), tmp_path))
    assert isinstance(listen(pool, 1)[-1], Outcome)


def test_a_worker_that_was_killed_while_idle_is_replaced(pool, tmp_path):
    process = psutil.Process(pool.pids()[0])
    process.kill()
    psutil.wait_procs([process], 5)
    pool.start(0, Job(Config(model="mlp", epochs=1), tmp_path))
    assert isinstance(listen(pool, 0)[-1], Outcome)


def test_closing_ends_every_worker_whatever_it_is_at(digits, tmp_path):
    with Pool(2, digits, torch.device("cpu")) as pool:
        pool.start(0, Job(Config(epochs=1000), tmp_path))
        list(pool.messages(20))
        pids = pool.pids()
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
