"""A pool of processes on this machine."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.own import Added
from hyperstudy.study.core.printing import Lasting
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.workers.parcel import Stored, fetched, stored
from hyperstudy.study.workers.worker import Death, Failure, Job, Message, Outcome, perform

GONE = (EOFError, BrokenPipeError, ConnectionResetError)  # what a closed connection raises


class LocalPool:
    """A fixed number of worker processes; one that died is replaced when it is next needed."""

    def __init__(self, size: int, device: torch.device, threads: int = 1, own: Added | None = None) -> None:
        self._arguments = (device, threads, own)
        self._folder = TemporaryDirectory()
        self._task: Stored | None = None
        self._workers = [self._spawn() for _ in range(size)]
        self._busy: set[int] = set()

    def __len__(self) -> int:
        return len(self._workers)

    def __enter__(self) -> "LocalPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def load(self, task: Task) -> None:
        """As every pool does; the workers map one copy of the data."""
        before, self._folder = self._folder, TemporaryDirectory()
        self._task = stored(task, Path(self._folder.name))
        before.cleanup()
        for worker in range(len(self)):
            self._send(worker, self._task)

    def idle(self) -> list[int]:
        return [worker for worker in range(len(self)) if worker not in self._busy]

    def host(self, worker: int) -> str:
        return ""

    def start(self, worker: int, job: Job) -> None:
        self._send(worker, job)
        self._busy.add(worker)

    def answer(self, worker: int, prune: bool) -> None:
        with suppress(BrokenPipeError):  # it has died since; `messages` will say so
            self._workers[worker][1].send(prune)

    def messages(self, timeout: float) -> Iterator[tuple[int, Message]]:
        connections = {number: self._workers[number][1] for number in sorted(self._busy)}
        ready = wait(connections.values(), timeout)
        for number, connection in connections.items():
            if connection not in ready:
                continue
            try:
                message: Message = connection.recv()
            except (EOFError, OSError):  # also in the middle of a message
                process = self._workers[number][0]
                process.join()
                message = Death(f"process ended with {process.exitcode}")
            if not isinstance(message, Epoch):
                self._busy.discard(number)
            yield number, message

    def close(self) -> None:
        for process, _ in self._workers:
            process.kill()  # a worker holds nothing that it would have to put away
        for process, connection in self._workers:
            process.join()
            connection.close()
        self._folder.cleanup()

    def _send(self, worker: int, order: Job | Stored) -> None:
        try:
            self._workers[worker][1].send(order)
        except BrokenPipeError:  # it died while it was idle
            self._workers[worker] = self._spawn()
            for again in {id(self._task): self._task, id(order): order}.values():
                self._workers[worker][1].send(again)

    def _spawn(self) -> tuple[BaseProcess, Connection]:
        """A new process: CUDA cannot be used in a forked one, and torch's threads do not survive a fork."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        with _deaf_to_interrupts():
            process.start()
        theirs.close()
        return process, ours


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that start here never hear Ctrl-C, which reaches the whole group; in this one it waits until then."""
    resource_tracker.ensure_running()  # first, since its start unblocks the signal
    waiting: list[bool] = []
    handler = signal.signal(signal.SIGINT, lambda *_: waiting.append(True))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
    if waiting:
        signal.raise_signal(signal.SIGINT)


def _work(orders: Connection, device: torch.device, threads: int, own: Added | None) -> None:
    """A worker's life: tasks and jobs, until the driver closes the connection or ends. It ignores Ctrl-C."""
    threading.Thread(target=_end_with_driver, daemon=True).start()
    torch.set_num_threads(threads)
    if own is not None:
        own.load()
    task: Task | None = None
    with suppress(*GONE), redirect_stdout(Lasting(sys.stdout)):
        while True:
            order = orders.recv()
            if isinstance(order, Job):
                assert task is not None  # it comes before its jobs
                orders.send(_train(order, task, orders))
            else:
                task = None
                try:
                    task = fetched(order).to(device)
                except FileNotFoundError:
                    if not orders.poll():  # no other task has come since, with other files
                        raise


def _train(job: Job, task: Task, orders: Connection) -> Outcome | Failure:
    """Do one job, sending each epoch and waiting for an answer where the job asks for one."""
    steps = perform(job, task)
    answer: bool | None = None
    while True:
        try:
            epoch = steps.send(answer)
        except StopIteration as end:
            outcome: Outcome | Failure = end.value
            return outcome
        orders.send(epoch)
        answer = orders.recv() if job.asks_after(epoch) else False


def _end_with_driver() -> None:
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os.kill(os.getpid(), signal.SIGTERM)
