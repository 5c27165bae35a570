"""One job from start to end: a configuration is trained, and what it leaves comes back as files.

A worker knows neither the tracker nor the sampler.
"""

import platform
import time
import traceback
from collections.abc import Generator
from typing import NamedTuple

import torch

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import said
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, PRUNED
from hyperstudy.study.tasks.task import Task


class Cluster(NamedTuple):
    """A Ray cluster by its address, and what each trial takes of one of its machines."""

    address: str
    cpus: float = 1
    gpus: float = 0

    def words(self) -> str:
        """What a trial takes, in words."""
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")


class Job(NamedTuple):
    """A configuration to train. If it is `prunable`, each epoch but the last is followed by an answer: prune or not."""

    config: AnyConfig
    prunable: bool = False

    def asks_after(self, epoch: Epoch) -> bool:
        return self.prunable and epoch.number < self.config.epochs and epoch.diverged_at is None


class Outcome(NamedTuple):
    """What came of a job: its state, metrics of the whole run, test metrics among them if the task has test data, the
    artifacts by file name, the machine in words, its name, how many threads trained, and the seconds for which the
    worker was busy with it."""

    state: str
    metrics: dict[str, float]
    files: dict[str, bytes]
    hardware: str
    host: str
    threads: int  # on which floating-point sums depend
    busy: float


class Failure(NamedTuple):
    """A job that raised."""

    reason: str
    traceback: str


class Death(NamedTuple):
    """A worker that ended before its job did, and how."""

    reason: str


Message = Epoch | Outcome | Failure | Death


def perform(job: Job, task: Task) -> Generator[Epoch, bool | None, Outcome | Failure]:
    """Yield the job's epochs; what is sent back says whether to prune, but for the None that begins. Returns what came
    of it."""
    began, waited = time.perf_counter(), 0.0
    try:
        trial, state = task.trial(job.config), COMPLETE
        history: list[Epoch] = []
        for epoch in trial.epochs():
            history.append(epoch)
            if epoch.diverged_at is not None:
                state = DIVERGED
            sent = time.perf_counter()
            prune = yield epoch
            waited += time.perf_counter() - sent
            if prune:
                state = PRUNED
                break
        if not history:
            raise InputError("it ended before its first epoch")
        left = trial.left(history, state)
        busy = time.perf_counter() - began - waited
        return Outcome(state, *left, task.hardware(), platform.node(), torch.get_num_threads(), busy)
    except Exception as error:
        return Failure(said(error), traceback.format_exc())
