"""A worker on a cluster: an actor whose driver calls it once for each epoch."""

import platform
from typing import NamedTuple

import ray
import torch

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import Added, said
from hyperstudy.study.workers.parcel import Parcel, unpacked
from hyperstudy.study.workers.worker import Failure, Job, Message, Outcome, perform


class Ready(NamedTuple):
    """Where an actor runs: its node's identifier and host; and why it may not train, empty if it may."""

    node: str
    host: str
    refusal: str


class Trainer:
    """Trains on `device` with so many threads, after running what the user adds.

    It refuses where libraries differ from the driver's, whose `libraries` it is given.
    """

    def __init__(self, device: torch.device, threads: int, own: Added | None, libraries: dict[str, str]) -> None:
        torch.set_num_threads(threads)
        self._device, self._refusal = device, difference(libraries, shared_libraries())
        try:
            if own is not None and not self._refusal:
                own.load()
        except Exception as error:  # the user's own code
            self._refusal = str(error) if isinstance(error, InputError) else said(error)

    def load(self, parcel: Parcel) -> Ready:
        """Take a task, for all jobs from now on."""
        if not self._refusal:
            self._task = unpacked(parcel).to(self._device)
        return Ready(ray.get_runtime_context().get_node_id(), platform.node(), self._refusal)

    def start(self, job: Job) -> Message:
        """Begin a job; what it sends first."""
        self._steps = perform(job, self._task)
        return self.step(None)

    def step(self, prune: bool | None) -> Message:
        """Go on with the job, or prune it; what it sends next."""
        try:
            return self._steps.send(prune)
        except StopIteration as end:
            outcome: Outcome | Failure = end.value
            return outcome


def shared_libraries() -> dict[str, str]:
    """The versions that must be those of the driver: Python's without its last number, torch's without its build."""
    return {"Python": ".".join(platform.python_version_tuple()[:2]), "torch": str(torch.__version__).partition("+")[0]}


def difference(drivers: dict[str, str], here: dict[str, str]) -> str:
    """In words how versions differ from the driver's; empty if they do not."""
    return ", ".join(
        f"{name} {here[name]} (the driver has {wanted})" for name, wanted in drivers.items() if here[name] != wanted
    )
