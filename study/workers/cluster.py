"""A pool of actors on a Ray cluster, as large as the cluster has room."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import Added
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.workers.actor import Ready, Trainer, shared_libraries
from hyperstudy.study.workers.connection import connect
from hyperstudy.study.workers.parcel import packed
from hyperstudy.study.workers.worker import Cluster, Death, Job, Message

LOOK_SECONDS = 3  # between two looks at the cluster's size
STARTS = 3  # of actors that fail one after another, for each worker, before the pool gives up


@dataclass
class Seat:
    """A worker: its actor, the call that it has not answered yet, and its job if it has one.

    One that `joined` later and may not train keeps its place, so that no other is put there.
    """

    actor: Any
    joined: bool
    call: Any = None
    job: Job | None = None
    ready: Ready | None = None  # once it has the task
    refused: bool = False

    @property
    def host(self) -> str:
        """Its machine, once it has the task."""
        return self.ready.host if self.ready else "the cluster"

    @property
    def idle(self) -> bool:
        return self.ready is not None and self.job is None and self.call is None


class ClusterPool:
    """Actors, one for each trial for which the cluster has room, at most `most`; it grows and shrinks with it.

    Raises `InputError` for a cluster that cannot be reached or has no room, and for machines that cannot train; one of
    these that joins while others train is left alone.
    """

    def __init__(self, cluster: Cluster, device: torch.device, most: int, own: Added | None = None) -> None:
        self._share, self._most = cluster, most
        threads = max(1, int(cluster.cpus))
        self._arguments = (device, threads, own, shared_libraries())
        self._seats: dict[int, Seat] = {}
        self._task: Any = None  # in the object store
        self._failed, self._looked = 0, 0.0
        self._connected = connect(cluster.address, own.modules() if own else ())
        try:
            self._check_room()
            self._adjust()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._seats)

    def __enter__(self) -> "ClusterPool":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def load(self, task: Task) -> None:
        """As every pool does; each machine keeps one copy of the data, in shared memory."""
        parcel = packed(task, self._smallest_store())
        try:
            self._task = ray.put(parcel)
        except RayError as error:
            raise InputError(f"the data do not fit into Ray's object store: {_last_line(error)}") from None
        for seat in self._seats.values():
            assert seat.job is None
            self._give_task(seat)

    def idle(self) -> list[int]:
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._adjust()
        return [number for number, seat in sorted(self._seats.items()) if seat.idle]

    def host(self, worker: int) -> str:
        return self._seats[worker].host

    def start(self, worker: int, job: Job) -> None:
        seat = self._seats[worker]
        seat.job, seat.call = job, seat.actor.start.remote(job)

    def answer(self, worker: int, prune: bool) -> None:
        seat = self._seats[worker]
        seat.call = seat.actor.step.remote(prune)

    def messages(self, timeout: float) -> Iterator[tuple[int, Message]]:
        calls = {seat.call: (number, seat) for number, seat in self._seats.items() if seat.call is not None}
        if not calls:
            time.sleep(timeout)
            return
        ray.wait(list(calls), timeout=timeout)
        arrived, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        for number, seat in sorted((calls[call] for call in arrived), key=lambda row: row[0]):
            if self._seats.get(number) is not seat:  # it was surplus, and has ended
                continue
            message = self._receive(number, seat)
            if message is None or seat.job is None:
                continue
            if not isinstance(message, Epoch):
                seat.job = None
            elif not seat.job.asks_after(message):
                self.answer(number, False)
            yield number, message

    def close(self) -> None:
        for seat in self._seats.values():
            with suppress(RayError):
                ray.kill(seat.actor)
        self._seats.clear()
        self._task = None
        if self._connected:
            ray.shutdown()
            self._connected = False

    def _receive(self, number: int, seat: Seat) -> Message | None:
        """What an actor has answered, None if it has taken the task; a `Death` if it cannot any more, and then it is
        replaced."""
        call, seat.call = seat.call, None
        try:
            message: Message | Ready = ray.get(call)
        except RayTaskError as error:  # training that raises is answered with a `Failure`, so this is not that
            raise InputError(f"a worker on the cluster cannot train: {_last_line(error)}") from None
        except RayError as error:
            self._drop(number)
            self._looked = 0.0
            self._count_failure(seat, error)
            return Death(self._how_it_ended(seat))
        if isinstance(message, Ready):
            self._check(seat, message)
            return None
        return message

    def _check(self, seat: Seat, message: Ready) -> None:
        """Count the worker as ready, unless it may not train."""
        seat.refused = bool(message.refusal)
        if not seat.refused:
            seat.ready, self._failed = message, 0
        elif not seat.joined or all(other.refused for other in self._seats.values()):
            raise InputError(f"machine {message.host} of the cluster cannot train: {message.refusal}")

    def _how_it_ended(self, seat: Seat) -> str:
        gone = seat.ready and seat.ready.node not in {node["NodeID"] for node in _nodes()}
        return f"machine {seat.host} left the cluster" if gone else f"process on {seat.host} ended"

    def _count_failure(self, seat: Seat, error: RayError) -> None:
        """Raise `InputError` if actors end again and again before they can train."""
        self._failed += seat.ready is None
        if self._failed > STARTS * max(1, len(self)):
            raise InputError(f"no worker can start on the cluster: {_last_line(error)}")

    def _adjust(self) -> None:
        """Have as many workers as there is room for: those that are surplus end, unless they are busy."""
        self._looked = time.monotonic()
        nodes = _nodes()
        alive = {node["NodeID"] for node in nodes}
        for number, seat in list(self._seats.items()):
            if seat.ready and seat.idle and seat.ready.node not in alive:
                self._drop(number)
        wanted = min(self._most, sum(map(self._room, nodes)))
        free = [(seat.ready is not None, -number) for number, seat in self._seats.items() if seat.job is None]
        for _, number in sorted(free)[: max(0, len(self) - wanted)]:
            self._drop(-number)
        for number in range(wanted):
            if len(self) < wanted and number not in self._seats:
                self._seats[number] = self._spawn()

    def _spawn(self) -> Seat:
        actor = ray.remote(Trainer).options(
            num_cpus=self._share.cpus, num_gpus=self._share.gpus, max_restarts=0, max_task_retries=0
        )
        seat = Seat(actor.remote(*self._arguments), self._task is not None)
        if seat.joined:
            self._give_task(seat)
        return seat

    def _give_task(self, seat: Seat) -> None:
        seat.ready, seat.call = None, seat.actor.load.remote(self._task)

    def _drop(self, number: int) -> None:
        with suppress(RayError):
            ray.kill(self._seats.pop(number).actor)

    def _room(self, node: dict[str, Any]) -> int:
        """How many trials a machine has room for."""
        asked = {"CPU": self._share.cpus, "GPU": self._share.gpus}
        return min(int(node["Resources"].get(name, 0) / each + 1e-9) for name, each in asked.items() if each)

    def _check_room(self) -> None:
        nodes = _nodes()
        if not any(map(self._room, nodes)):
            most = [max(node["Resources"].get(name, 0) for node in nodes) for name in ("CPU", "GPU")]
            raise InputError(
                f"no machine of the cluster has room for a trial, which takes {self._share.words()}; the most that "
                f"one has is {most[0]:g} CPUs, and {most[1]:g} GPUs"
            )

    def _smallest_store(self) -> float:
        """Bytes of the smallest object store of this machine and of those that train."""
        here = ray.get_runtime_context().get_node_id()
        return min(
            node["Resources"].get("object_store_memory", 0)
            for node in _nodes()
            if self._room(node) or node["NodeID"] == here
        )


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
