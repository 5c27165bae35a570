"""Workers that train, wherever they are: `make_pool` is the one place that makes any.

Nothing above this module knows whether they are processes here or actors on a cluster.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Protocol, Self

import torch

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import Added
from hyperstudy.study.outputs.environment import cores
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Cluster, Job, Message


class Pool(Protocol):
    """Workers by number, each of which does one job at a time. It is closed when its block ends.

    A worker that dies is replaced without being asked for, and the new one has the task.
    """

    def __len__(self) -> int:
        """How many workers there are, those included that are still starting."""

    def __enter__(self) -> Self:
        """The pool."""

    def __exit__(self, *error: object) -> None:
        """Close it."""

    def load(self, task: Task) -> None:
        """Give every worker this task, for all jobs from now on; no worker may be busy."""

    def idle(self) -> list[int]:
        """The workers that can be given a job now, in order."""

    def host(self, worker: int) -> str:
        """The machine of an idle or busy worker; empty if all are on this one."""

    def start(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""

    def answer(self, worker: int, prune: bool) -> None:
        """Tell a worker whether to stop after the epoch that it last sent: once after each about which its job asks.
        An answer to a worker that has died is dropped."""

    def messages(self, timeout: float) -> Iterator[tuple[int, Message]]:
        """What busy workers have sent, with their numbers, waiting at most `timeout` seconds for the first.

        After an `Outcome`, a `Failure` or a `Death` the worker is busy no more.
        """

    def close(self) -> None:
        """End all workers, whether they are busy or not; none of their processes is left."""


def make_pool(
    device: torch.device, workers: int | None, jobs: int, own: Added | None = None, cluster: Cluster | None = None
) -> Pool:
    """As many workers as asked for, by default one per core, or one on an accelerator; never more than jobs. On a
    cluster as many as it has room for, at most that. All of them have what the user adds. Raises `InputError`."""
    if cluster is not None:
        return _cluster_pool(cluster, device, max(1, min(workers or jobs, jobs)), own)
    usual = cores() if device.type == "cpu" else 1
    return LocalPool(max(1, min(workers or usual, jobs)), device, own=own)


def _cluster_pool(cluster: Cluster, device: torch.device, most: int, own: Added | None) -> Pool:
    if find_spec("ray") is None:
        raise InputError("--cluster needs Ray: pip install 'hyperstudy[cluster]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before Ray is imported; else it reports to its makers
    from hyperstudy.study.workers.cluster import ClusterPool

    return ClusterPool(cluster, device, most, own)
