"""Slots: each stands for one trial that the study must finish."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.outputs.names import FINISHED


class Slot(NamedTuple):
    """One trial to train: the name and the tags of its run, its configuration, and whether it may be pruned."""

    number: int
    name: str
    tags: Mapping[str, str]
    config: AnyConfig
    prunable: bool = False


class Slots:
    """The slots that wait, in their order. Subclasses make each one."""

    def __init__(self, waiting: Iterable[int], total: int) -> None:
        self.waiting = deque(waiting)
        self.total = total
        self.finished = total - len(self.waiting)

    def next(self, workers: int = 1) -> Slot | None:
        """The next slot to train by one of so many workers; None if none waits, or none may begin yet."""
        return self._make(self.waiting.popleft()) if self.waiting else None

    def again(self, slot: Slot) -> None:
        """Make a slot whose trial was lost the next one, with the same configuration."""
        self.waiting.appendleft(slot.number)

    def report(self, slot: Slot, epoch: int, value: float) -> bool:
        """Take the objective after an epoch, and return whether to prune the trial."""
        return False

    def end(self, slot: Slot, state: str, objective: float | None) -> None:
        """Take a trial's end, and its objective if it has one."""
        self.finished += state in FINISHED

    def _make(self, number: int) -> Slot:
        raise NotImplementedError


class Jobs(Slots):
    """Fixed configurations, each with its role; those among `done` are finished already."""

    def __init__(self, phase: str, wanted: Iterable[tuple[str, AnyConfig]], done: Collection[AnyConfig]) -> None:
        roles: dict[AnyConfig, str] = {}
        for role, config in wanted:
            roles.setdefault(config, role)
        self._phase, self._jobs = phase, list(roles.items())
        super().__init__((number for number, config in enumerate(roles) if config not in done), len(roles))

    def _make(self, number: int) -> Slot:
        config, role = self._jobs[number]
        return Slot(number, f"{role}-seed-{config.seed}", {"phase": self._phase, "role": role}, config)
