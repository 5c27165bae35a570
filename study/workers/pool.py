"""Processes that train: each takes a job, sends every epoch as it ends, and at last what came of it.

A worker knows neither the tracker nor the sampler. All map one copy of the pictures, and none outlives its driver,
even if that is killed.
"""

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.multiprocessing  # registers how tensors travel between processes

from study.core.config import Config
from study.core.data import Part, Splits
from study.core.train import build, predict, score, train
from study.outputs import files as artifacts
from study.outputs.names import COMPLETE, DIVERGED, PRUNED
from study.workers.processes import context, die_with_parent, start_server

CLOSE_SECONDS = 5
NICE = 5  # below the driver's, whose short answers they wait for


class Job(NamedTuple):
    """A configuration to train. With `test`, the model meets the test pictures once it is trained.

    With `prunable`, the worker waits after every epoch but the last to hear whether to stop.
    """

    config: Config
    folder: Path  # where the artifacts go
    prunable: bool = False
    test: Part | None = None


class Outcome(NamedTuple):
    """What came of a job: its state, the model's number of parameters, and the test metrics if there was a test."""

    state: str
    parameters: int
    test: dict[str, float]


class Failure(NamedTuple):
    """A job that raised."""

    reason: str
    traceback: str


class Death(NamedTuple):
    """A worker that ended before its job did."""

    exit_code: int | None


class Pool:
    """A fixed number of workers, of which a dead one is replaced when it is next needed."""

    def __init__(self, size: int, splits: Splits, device: torch.device, threads: int = 1) -> None:
        start_server()
        self._context = context(device.type)
        self._arguments = (splits.shared(), device, threads)
        self._workers = [self._spawn() for _ in range(size)]
        self._busy: set[int] = set()

    def __len__(self) -> int:
        return len(self._workers)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def idle(self) -> list[int]:
        return [number for number in range(len(self)) if number not in self._busy]

    def pids(self) -> list[int]:
        return [process.pid for process, _ in self._workers]

    def start(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""
        try:
            self._workers[worker][1].send(job)
        except BrokenPipeError:  # it died while it was idle
            self._workers[worker] = self._spawn()
            self._workers[worker][1].send(job)
        self._busy.add(worker)

    def answer(self, worker: int, prune: bool) -> None:
        """Tell a worker with a prunable job whether to stop after the epoch that it last sent."""
        with suppress(BrokenPipeError):  # it has died since, which `messages` will say
            self._workers[worker][1].send(prune)

    def messages(self, timeout: float) -> Iterator[tuple[int, Any]]:
        """What busy workers have sent, an `Epoch`, `Outcome`, `Failure` or `Death` each, waiting `timeout` seconds."""
        connections = {self._workers[number][1]: number for number in sorted(self._busy)}
        for connection in sorted(wait(list(connections), timeout), key=connections.__getitem__):
            number = connections[connection]
            try:
                message = connection.recv()
            except (EOFError, ConnectionResetError):
                process = self._workers[number][0]
                process.join()
                message = Death(process.exitcode)
            if isinstance(message, Outcome | Failure | Death):
                self._busy.discard(number)
            yield number, message

    def close(self) -> None:
        """End all workers, whatever they are at."""
        for number, (process, _) in enumerate(self._workers):
            if number in self._busy:
                process.terminate()
        for _, connection in self._workers:
            connection.close()  # an idle worker reads the end of its orders, and leaves
        for process, _ in self._workers:
            process.join(CLOSE_SECONDS)
            process.kill()

    def _spawn(self) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def work(orders: Connection, splits: Splits, device: torch.device, threads: int) -> None:
    """A worker's life: jobs until the driver closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    die_with_parent()
    os.nice(NICE)
    torch.set_num_threads(threads)
    splits = splits.to(device)
    try:
        while True:
            job = orders.recv()
            try:
                result = perform(job, splits, orders)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:
                result = Failure(f"{type(error).__name__}: {error}", traceback.format_exc())
            orders.send(result)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def perform(job: Job, splits: Splits, orders: Connection) -> Outcome:
    """Train one job, send its epochs, and leave its artifacts in its folder."""
    config = job.config
    model = build(config, splits.shape[0], len(splits.classes))
    history, state = [], COMPLETE
    for epoch in train(config, splits, model):
        history.append(epoch)
        orders.send(epoch)
        if epoch.diverged_at is not None:
            state = DIVERGED
        elif job.prunable and epoch.epoch < config.epochs and orders.recv():
            state = PRUNED
            break
    artifacts.write(job.folder, config, splits, history, model)
    test = _meet_test(job, splits, model, history) if job.test is not None else {}
    return Outcome(state, sum(parameter.numel() for parameter in model.parameters()), test)


def _meet_test(job: Job, splits: Splits, model: torch.nn.Module, history: list[Any]) -> dict[str, float]:
    """Test metrics of a trained model; its confusion matrix and learning curves go to the artifacts."""
    from study.outputs import pictures  # matplotlib takes 0.5 s to import and draws in confirmation alone

    part = job.test.to(splits.mean.device).framed(job.config.image_size, job.config.border)
    logits = predict(job.config, splits, model, part.images)
    loss, accuracy = score(logits, part.labels)
    counts = np.zeros((len(splits.classes),) * 2, dtype=np.int64)
    np.add.at(counts, (part.labels.cpu().numpy(), logits.argmax(1).cpu().numpy()), 1)
    artifacts.write_confusion(job.folder, counts, splits.classes)
    artifacts.write_mistakes(job.folder, logits, part)
    pictures.confusion_matrix(job.folder / "confusion_matrix.png", counts, splits.classes)
    pictures.learning_curves(job.folder / "learning_curves.png", history)
    return {"test/loss": loss, "test/accuracy": accuracy}
