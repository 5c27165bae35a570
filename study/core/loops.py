"""Training loops of a user's own: any task, any library."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hyperstudy.study.core.config import HYPERPARAMETERS, Values
from hyperstudy.study.core.domains import Hyperparameter
from hyperstudy.study.core.errors import InputError, not_one_of


class Loop(NamedTuple):
    """A training loop, its hyperparameters, and what it is judged by.

    `train(config, seed)` is a generator that yields a mapping of metrics after each epoch, the same ones each time;
    `config.NAME` is a hyperparameter's value. `objective` names the metric whose value after the last epoch counts, on
    data that nothing was trained on; `test` gives the same metric, from what `train` returns, on data by which nothing
    is chosen either. Trials can be pruned if `space` has a hyperparameter `epochs`, the number that `train` yields.
    """

    train: Callable[["LoopConfig", int], Iterator[Mapping[str, float]]]
    space: dict[str, Hyperparameter]
    objective: str
    maximize: bool = True
    unit: str = ""
    test: Callable[[Any], float] | None = None


LOOPS: dict[str, Loop] = {}  # a user's own: the project has none


@dataclass(frozen=True, init=False)
class LoopConfig(Values):
    """One configuration of one trial of a loop. An impossible one raises `InputError`."""

    loop: str

    def __init__(self, loop: str, **values: Any) -> None:
        rows = rows_of_loop(loop)
        for name in values:
            if name not in rows:
                raise InputError(f"loop {loop!r} has no {name}; got {name} {values[name]}")
        chosen = {name: row.default for name, row in rows.items()} | values
        found = tuple((name, rows[name].check(name, value)) for name, value in chosen.items())
        super().__init__(loop=loop, values=found)

    def replace(self, **values: Any) -> "LoopConfig":
        return LoopConfig(self.loop, **{**self.hyperparameters(), **values})

    def rows(self) -> dict[str, Hyperparameter]:
        return rows_of_loop(self.loop)

    def subject(self) -> dict[str, str]:
        return {"loop": self.loop}


def loop_of(name: str) -> Loop:
    """The row of `LOOPS`; raises `InputError` for a name that is not there."""
    if name not in LOOPS:
        if not LOOPS:
            raise InputError(f"loop {name!r} must be a row in LOOPS, which your own file adds: give it with --from")
        raise not_one_of("loop", name, LOOPS)
    return LOOPS[name]


def rows_of_loop(name: str) -> dict[str, Hyperparameter]:
    """The hyperparameters of a loop: its own, and the seed, which every trial has."""
    return {**loop_of(name).space, "seed": HYPERPARAMETERS["seed"]}
