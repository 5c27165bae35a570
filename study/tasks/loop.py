"""The task of running a loop of `LOOPS`, the user's own."""

import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import Loop, LoopConfig, loop_of
from hyperstudy.study.core.own import RESERVED, said
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs import files
from hyperstudy.study.outputs.environment import hardware
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.tasks.task import Input, Left

REHEARSED = 2  # epochs
SECONDS = "time/train_seconds"
CHARTED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./ -]{0,99}")  # names of metrics that MLflow takes


@dataclass(frozen=True)
class LoopTask:
    """A loop by its name. `meets_test` says whether trials are tested when they end, if the loop has a test."""

    loop: str
    meets_test: bool = False

    def objective(self, name: str | None) -> Objective:
        row = loop_of(self.loop)
        if name not in (None, row.objective):
            raise InputError(f"objective of loop {self.loop!r} is what it says itself, {row.objective!r}; got {name!r}")
        test_key = "" if row.test is None else f"test/{row.objective}"
        return Objective(
            f"validation {row.objective}",
            row.maximize,
            row.unit,
            key=row.objective,
            test_key=test_key,
            least=row.least,
            most=row.most,
        )

    def guess(self, objective: Objective) -> float | None:
        return None

    def rehearse(self, plan: Plan) -> None:
        """Run the first epochs of the default; with as few epochs as there may be, all of them and the test."""
        row, config = loop_of(self.loop), plan.base
        if "epochs" in row.space:
            config = config.replace(epochs=_fewest(plan))
        trial = replace(self, meets_test=True).trial(config)
        stream = trial.epochs()
        try:
            history = list(islice(stream, REHEARSED))
            if not history:
                raise InputError("train must yield at least one epoch")
            if history[-1].diverged_at is not None:
                raise InputError(f"{row.objective} must be finite by default; got {history[-1].metrics[row.objective]}")
            if next(stream, None) is None:
                trial.left(history, COMPLETE)
        except InputError as error:
            raise InputError(f"loop {self.loop!r} cannot be used: {error}") from None
        except Exception as error:  # the user's own code
            raise InputError(f"loop {self.loop!r} fails with {_words(config)}: {said(error)}") from None
        finally:
            stream.close()

    def tested(self, plan: Plan, data_dir: Path) -> "LoopTask":
        return replace(self, meets_test=True)

    def inputs(self) -> list[Input]:
        return []

    def settings(self) -> dict[str, str]:
        return {"loop": self.loop}

    def tags(self, plan: Plan) -> dict[str, str]:
        return {"study.loop": self.loop}

    def about(self) -> str:
        return ""

    def amounts(self) -> list[str]:
        return []

    def example(self) -> Any:
        return None

    def to(self, device: torch.device) -> "LoopTask":
        return self

    def trial(self, config: AnyConfig) -> "LoopTrial":
        assert isinstance(config, LoopConfig)
        row = loop_of(self.loop)
        return LoopTrial(config, row, row.test if self.meets_test else None)

    def hardware(self) -> str:
        return hardware(torch.device("cpu"))


class LoopTrial:
    """One call of a loop's `train`, and of its `test` if it is tested."""

    def __init__(self, config: LoopConfig, row: Loop, test: Callable[[Any], float] | None) -> None:
        self.config, self.row, self.test = config, row, test
        self.trained: Any = None  # what `train` returned

    def epochs(self) -> Generator[Epoch, None, None]:
        """Until `train` returns, or its objective is not finite. Raises `InputError` for what is no epoch."""
        stream = iter(self.row.train(self.config, self.config.seed))
        names: set[str] | None = None
        for number in count(1):
            started = perf_counter()
            try:
                given = next(stream)
            except StopIteration as end:
                self.trained = end.value
                return
            metrics = self._checked(given, number)
            if names is not None and names != set(metrics):
                odd = sorted(names ^ set(metrics))[0]
                raise InputError(f"train must yield the same metrics after every epoch; {odd!r} is not always there")
            names = set(metrics)
            diverged = None if math.isfinite(metrics[self.row.objective]) else number
            yield Epoch(number, metrics | {SECONDS: perf_counter() - started}, diverged)
            if diverged is not None:
                return

    def _checked(self, given: Any, number: int) -> dict[str, float]:
        if not isinstance(given, Mapping):
            raise InputError(f"train must yield a mapping of metrics; epoch {number} is {type(given).__name__}")
        if self.row.objective not in given:
            found = ", ".join(map(str, given)) or "nothing"
            raise InputError(f"train must yield its objective {self.row.objective!r}; epoch {number} has {found}")
        for name in given:
            if name in RESERVED or not CHARTED.fullmatch(str(name)):
                rule = "letters, digits, '_', '-', '.', ' ' and '/', and a name that means nothing else"
                raise InputError(f"a metric must have a name of {rule}; got {name!r}")
        try:
            return {name: float(value) for name, value in given.items()}
        except (TypeError, ValueError):
            raise InputError(f"metrics must be numbers; epoch {number} is {dict(given)!r}") from None

    def left(self, history: Sequence[Epoch], state: str) -> Left:
        metrics = {}
        if self.test is not None and state == COMPLETE:
            value = self.test(self.trained)
            try:
                metrics[f"test/{self.row.objective}"] = float(value)
            except (TypeError, ValueError):
                raise InputError(f"test must give one number; got {value!r}") from None
        return Left(metrics, files.of_trial(self.config, history))


def _fewest(plan: Plan) -> int:
    """As few epochs as are rehearsed, or as the hyperparameter accepts."""
    low, _ = plan.base.rows()["epochs"].limits
    return int(min(plan.base.epochs, max(REHEARSED, low)))


def _words(config: AnyConfig) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.values)
