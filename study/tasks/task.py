"""What workers, driver and report need to know of a task, whatever it is."""

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs.objective import Objective


class Input(NamedTuple):
    """Data that runs use, as the tracker records them; `context` is training or testing."""

    name: str
    digest: str
    context: str
    counts: Mapping[str, int]


class Left(NamedTuple):
    """What a trial leaves when it has ended: metrics of the whole run, and artifacts by file name."""

    metrics: dict[str, float]
    files: dict[str, bytes]


class Task(Protocol):
    """A task. It travels to every worker, which then calls `to` once and `trial` for each of its jobs."""

    def objective(self, name: str | None) -> Objective:
        """The objective of that name, or the usual one; raises `InputError` for one that it does not have."""

    def guess(self, objective: Objective) -> float | None:
        """The objective of a network that has learned nothing; None if that is not known."""

    def rehearse(self, plan: Plan) -> None:
        """Raise `InputError` for code of the user's that cannot work."""

    def tested(self, plan: Plan, data_dir: Path) -> "Task":
        """The same with the test data, which confirmation alone reads."""

    def inputs(self) -> list[Input]:
        """The data."""

    def settings(self) -> dict[str, str]:
        """What makes the data these data."""

    def tags(self, plan: Plan) -> dict[str, str]:
        """What the report needs to know of the data."""

    def about(self) -> str:
        """The data in a sentence; empty for none."""

    def amounts(self) -> list[str]:
        """Lines that a study begins with: how many data it has, and whether they are few; none if that is not known."""

    def example(self) -> Any:
        """A few pictures, with which a model is registered; None where there is no model."""

    def to(self, device: torch.device) -> "Task":
        """The same with its data on the device."""

    def trial(self, config: AnyConfig) -> "Trial":
        """A trial that has not begun."""

    def hardware(self) -> str:
        """The machine on which it trains, in words."""


class Trial(Protocol):
    """One trial: its epochs, and what it leaves."""

    def epochs(self) -> Generator[Epoch, None, None]:
        """Train, and yield after each epoch."""

    def left(self, history: Sequence[Epoch], state: str) -> Left:
        """What the trial leaves after these epochs; the test metrics if the task has its test data."""
