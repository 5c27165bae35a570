"""Where a fault can be: the store, the file system, a worker's pipe; and which faults there are."""

import errno
import os
import resource
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from sqlalchemy.exc import OperationalError

from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, perform


class Site:
    """Counts the calls of one kind, and lets one of them fail. A fault may come before a call or after it."""

    def __init__(self) -> None:
        self.count, self.at, self.fault, self.after = 0, 0, None, False

    def arm(self, at: int, fault: Callable[[], None] | None, after: bool) -> None:
        self.count, self.at, self.fault, self.after = 0, at, fault, after

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        self.count += 1
        hit = self.fault is not None and self.count == self.at
        if hit and not self.after:
            self.fault()
        found = method(*arguments, **named)
        if hit and self.after:
            self.fault()
        return found


STORE, FILES, PIPE = Site(), Site(), Site()
TORN = 100  # bytes of a file that is cut off


class Observed:
    """MLflow's client, each call of which can fail."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(STORE.call, getattr(self._client, name))


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Files that this process makes below a store or a temporary folder."""
    made = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if not made and event not in ("os.mkdir", "os.rename"):
        return
    path = str(arguments[0])
    if path.startswith(tempfile.gettempdir()):
        FILES.call(lambda: None)


class Here:
    """One worker in this process, as fast as its training."""

    _job: Job | None = None

    def __len__(self) -> int:
        return 1

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def load(self, task: Any) -> None:
        self._task = task.to(torch.device("cpu"))

    def idle(self) -> list[int]:
        return [] if self._job else [0]

    def host(self, worker: int) -> str:
        return ""

    def start(self, worker: int, job: Job) -> None:
        self._job = job

    def messages(self, timeout: float) -> Iterator[tuple[int, Any]]:
        steps = perform(self._job, self._task)
        while True:
            try:
                yield 0, next(steps)
            except StopIteration as end:
                self._job = None
                yield 0, end.value
                return

    def close(self) -> None:
        self._job = None


class Fragile(Connection):
    """A worker's pipe; its fault is the worker's death."""

    def send(self, order: Any) -> None:
        PIPE.call(super().send, order)

    def recv(self) -> Any:
        return PIPE.call(super().recv)


class FragilePool(LocalPool):
    """A process as on any machine."""

    def _spawn(self) -> tuple[Any, Connection]:
        process, connection = super()._spawn()
        self.last = process
        return process, Fragile(os.dup(connection.fileno()))


def failing(text: str, code: int | None) -> None:
    """Raise as MLflow does where its database fails."""
    original = sqlite3.OperationalError(text)
    if code is not None:
        original.sqlite_errorcode = code
    error = OperationalError("INSERT INTO runs", {}, original)
    raise MlflowException(str(error), TEMPORARILY_UNAVAILABLE) from error


def full() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_midway() -> None:
    """From now on no file can have more than some bytes, as on a disk that is full in the middle of one."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (TORN, resource.RLIM_INFINITY))


def killed_midway() -> None:
    """The first file that gets more than some bytes ends the process there, the database's own included."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    full_midway()


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def worker_killed() -> None:
    for pool in POOLS:
        pool.last.kill()
        pool.last.join()


POOLS: list[FragilePool] = []


class Kind(NamedTuple):
    site: Site
    fault: Callable[[], None]
    after: bool = False


KINDS = {
    "the disk is full": Kind(STORE, partial(failing, "database or disk is full", sqlite3.SQLITE_FULL)),
    "the database is locked": Kind(STORE, partial(failing, "database is locked", sqlite3.SQLITE_BUSY)),
    "the connection is lost before an answer": Kind(STORE, partial(failing, "connection lost", None), after=True),
    "the driver is killed before a call": Kind(STORE, killed),
    "the driver is killed after a call": Kind(STORE, killed, after=True),
    "a file cannot be made": Kind(FILES, full),
    "the driver is killed at a file": Kind(FILES, killed),
    "the disk is full in the middle of a file": Kind(FILES, full_midway),
    "the driver is killed in the middle of a file": Kind(FILES, killed_midway),
    "the worker is killed": Kind(PIPE, worker_killed),
}
