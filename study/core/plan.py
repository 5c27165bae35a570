"""What a study varies and what it holds fixed, parsed from the user's options."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import HYPERPARAMETERS, Config, applies, type_of
from hyperstudy.study.core.data import Splits, load_splits
from hyperstudy.study.core.domains import Choice, Dimension, Range
from hyperstudy.study.core.errors import InputError


@dataclass(frozen=True)
class Plan:
    """What a study varies (`space`), and the fixed values and defaults (`base`)."""

    base: Config
    space: dict[str, Range | Choice]

    def __post_init__(self) -> None:
        if not self.space:
            raise InputError("a study must vary something; every hyperparameter is fixed: give one a range, low:high")
        for name, space in self.space.items():
            for value in space.ends:
                self.config({name: value})
        structural = [name for name in ("depth", "image_size") if name in self.space]
        for values in product(*(self.space[name].ends for name in structural)):
            self.config(dict(zip(structural, values, strict=True)))

    def config(self, values: dict[str, Any]) -> Config:
        """The base configuration with these values of the searched hyperparameters."""
        return replace(self.base, **values)

    @property
    def largest_side(self) -> int:
        """The size in pixels at which pictures are read: a trial only scales them down."""
        return max(self.space["image_size"].ends) if "image_size" in self.space else self.base.image_size

    @property
    def same_pictures(self) -> bool:
        """Whether all trials see pictures of one size without a border, so that they can be resized once."""
        return not {"image_size", "border"} & set(self.space) and not self.base.border

    def dimensions(self) -> dict[str, Dimension]:
        """The study's dimension for each hyperparameter of the family."""
        return {name: self._dimension(name, value) for name, value in self.base.hyperparameters().items()}

    def _dimension(self, name: str, default: Any) -> Dimension:
        row = HYPERPARAMETERS[name]
        return Dimension(self.space.get(name), default, row.unit, () if isinstance(default, str) else row.accepted)


def read_splits(plan: Plan, data_dir: Path) -> Splits:
    """Training and validation pictures, at the size at which the plan's trials need them."""
    splits = load_splits(plan.base.dataset, data_dir, plan.largest_side)
    return splits.framed(plan.base.image_size, 0) if plan.same_pictures else splits


def make_plan(dataset: str, model: str, given: dict[str, str]) -> Plan:
    """The plan for `model` on `dataset`, where `given` holds what the user wrote per hyperparameter.

    A searched hyperparameter keeps its usual default. The exception is the picture size, whose default is the largest
    of the range: the data set's own size may lie outside the range or be too small for the model.
    """
    for name, text in given.items():
        if not applies(name, model):
            raise InputError(f"model {model!r} has no {name}; got {name} {text}")
    parsed = {name: parse(name, text) for name, text in given.items()}
    searched = {name: space for name, space in parsed.items() if isinstance(space, Range | Choice)}
    values = {name: value for name, value in parsed.items() if name not in searched}
    if "image_size" in searched:
        values["image_size"] = max(searched["image_size"].ends)
    for name, row in HYPERPARAMETERS.items():
        if row.searched and applies(name, model) and name not in parsed:
            searched[name] = usual_space(name, model)
    space = {name: searched[name] for name in HYPERPARAMETERS if name in searched}
    return Plan(Config(dataset=dataset, model=model, **values), space)


def usual_space(name: str, model: str) -> Range | Choice:
    """The range that a study searches unless the user gives another."""
    space = HYPERPARAMETERS[name].space
    if space is not None:
        return space
    depths = MODELS[model].depths
    consecutive = depths == tuple(range(depths[0], depths[-1] + 1))
    return Range(depths[0], depths[-1]) if consecutive else Choice(depths)


def parse(name: str, text: str) -> Any:
    """A value, a `Range` or a `Choice` from what the user wrote: `3e-4`, `1e-4:1e-1` or `relu,gelu`."""
    if "," in text:
        options = dict.fromkeys(_scalar(name, part) for part in text.split(","))
        if len(options) == 1:
            return next(iter(options))
        return Choice(tuple(options if type_of(name) is str else sorted(options)))
    if ":" in text and type_of(name) is not str:
        low, _, high = text.partition(":")
        return _range(name, _scalar(name, low), _scalar(name, high))
    return _scalar(name, text)


def _scalar(name: str, text: str) -> Any:
    kind = type_of(name)
    try:
        return kind(text.strip())
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise InputError(f"{name} must be {noun}, low:high or a,b,c; got {text!r}") from None


def _range(name: str, low: float, high: float) -> Range:
    if not low < high:
        raise InputError(f"a range runs from low to high; got {name} {low:g}:{high:g}")
    usual = HYPERPARAMETERS[name].space
    log = isinstance(usual, Range) and usual.log
    if log and low <= 0:
        raise InputError(f"{name} is searched on a log scale, so its range must start above 0; got {low:g}:{high:g}")
    return Range(low, high, log)
