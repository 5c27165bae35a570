"""What a study varies and what it holds fixed, parsed from the user's options."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from hyperstudy.study.core.config import Config, rows_of
from hyperstudy.study.core.domains import Choice, Dimension, Domain, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LoopConfig, rows_of_loop
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.text import shortened


@dataclass(frozen=True)
class Plan:
    """What a study varies (`space`), and the fixed values and defaults (`base`)."""

    base: AnyConfig
    space: dict[str, Domain]

    def __post_init__(self) -> None:
        if not self.space:
            raise InputError("a study must vary something; every hyperparameter is fixed: give one a range, low:high")
        for name, space in self.space.items():
            for value in space.ends:
                self.config({name: value})
        structural = [name for name in ("depth", "image_size") if name in self.space]
        for values in product(*(self.space[name].ends for name in structural)):
            self.config(dict(zip(structural, values, strict=True)))

    def config(self, values: dict[str, Any]) -> AnyConfig:
        """The base configuration with these values of the searched hyperparameters."""
        return self.base.replace(**values)

    @property
    def most_epochs(self) -> int | None:
        """The largest number of epochs that a trial may have; None for a loop that has no hyperparameter for it."""
        if "epochs" not in self.base.hyperparameters():
            return None
        return max(self.space["epochs"].ends) if "epochs" in self.space else self.base.epochs

    @property
    def largest_side(self) -> int:
        """The size in pixels at which pictures are read: a trial only scales them down."""
        return max(self.space["image_size"].ends) if "image_size" in self.space else self.base.image_size

    @property
    def same_pictures(self) -> bool:
        """Whether all trials see pictures of one size without a border, so that they can be resized once."""
        return not {"image_size", "border"} & set(self.space) and not self.base.border

    def dimensions(self) -> dict[str, Dimension]:
        """The study's dimension for each hyperparameter."""
        rows = self.base.rows()
        return {name: self._dimension(name, rows[name], value) for name, value in self.base.values}

    def _dimension(self, name: str, row: Hyperparameter, default: Any) -> Dimension:
        return Dimension(self.space.get(name), default, row.unit, () if row.kind is str else tuple(row.accepted))


def make_plan(dataset: str, model: str, given: Mapping[str, str]) -> Plan:
    """The plan for `model` on `dataset`, where `given` holds what the user wrote per hyperparameter.

    A searched hyperparameter keeps its usual default. The exception is the picture size, whose default is the largest
    of the range: the data set's own size may lie outside the range or be too small for the model.
    """
    values, space = _parsed(f"model {model!r}", rows_of(model), given)
    if "image_size" in space:
        values["image_size"] = max(space["image_size"].ends)
    return Plan(Config(dataset, model, **values), space)


def make_loop_plan(loop: str, given: Mapping[str, str]) -> Plan:
    """The plan for a loop of the user's own."""
    values, space = _parsed(f"loop {loop!r}", rows_of_loop(loop), given)
    return Plan(LoopConfig(loop, **values), space)


def _parsed(
    whose: str, rows: Mapping[str, Hyperparameter], given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Domain]]:
    """The values that are fixed, and what is searched, in the order of the rows."""
    for name, text in given.items():
        if name not in rows:
            raise InputError(f"{whose} has no {name}; got {name} {text}")
    parsed = {name: parse(name, rows[name], text) for name, text in given.items()}
    searched = {name: space for name, space in parsed.items() if isinstance(space, Range | Choice)}
    values = {name: value for name, value in parsed.items() if name not in searched}
    searched |= {name: row.space for name, row in rows.items() if row.searched and row.space and name not in parsed}
    return values, {name: searched[name] for name in rows if name in searched}


def parse(name: str, row: Hyperparameter, text: str) -> Any:
    """A value, a `Range` or a `Choice` from what the user wrote: `3e-4`, `1e-4:1e-1` or `relu,gelu`."""
    if "," in text:
        options = dict.fromkeys(_scalar(name, row, part) for part in text.split(","))
        if len(options) == 1:
            return next(iter(options))
        return Choice(tuple(options if row.kind is str else sorted(options)))
    if ":" in text and row.kind is not str:
        low, _, high = text.partition(":")
        return _range(name, row, _scalar(name, row, low), _scalar(name, row, high))
    return _scalar(name, row, text)


def _scalar(name: str, row: Hyperparameter, text: str) -> Any:
    try:
        return row.kind(text.strip())
    except ValueError:
        noun = "a whole number" if row.kind is int else "a number"
        raise InputError(f"{name} must be {noun}, low:high or a,b,c; got {shortened(text)!r}") from None


def _range(name: str, row: Hyperparameter, low: float, high: float) -> Range:
    if not Range(low, high).wide:
        raise InputError(f"a range runs from low to high; got {name} {low!r}:{high!r}")
    log = isinstance(row.space, Range) and row.space.log
    if log and low <= 0:
        raise InputError(f"{name} is searched on a log scale, so its range must start above 0; got {low:g}:{high:g}")
    return Range(low, high, log)
