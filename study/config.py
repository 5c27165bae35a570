"""What a trial is given: one line per hyperparameter, from which everything else about it is derived.

The search space, the command-line options, the tracked parameters and the report's columns all come from the fields of
`Config`. To add a hyperparameter, add its line here and use it where it acts.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from itertools import product
from types import NoneType
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import torch

from models import ACTIVATIONS, MODELS, Family
from study.datasets import source
from study.errors import InputError, not_one_of
from study.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, evenly spread on their scale: integers if both ends are."""

    low: float
    high: float
    log: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        return self.low, self.high

    @property
    def integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def at(self, quantile: float) -> float:
        """The value that lies at a quantile in [0, 1); each integer takes an equal share of its scale."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.integer else self.ends
        if self.log:
            value = math.exp(math.log(low) + quantile * (math.log(high) - math.log(low)))
        else:
            value = low + quantile * (high - low)
        value = min(max(value, self.low), self.high)
        return round(value) if self.integer else value

    def levels(self, count: int) -> tuple[float, ...]:
        """At most `count` values at equal distances, both ends among them."""
        steps = [step / max(1, count - 1) for step in range(count)]
        scale = (math.log, math.exp) if self.log else (float, float)
        low, high = map(scale[0], self.ends)
        values = (scale[1](low + step * (high - low)) for step in steps)
        return tuple(dict.fromkeys(round(v) if self.integer else min(max(v, self.low), self.high) for v in values))

    def __str__(self) -> str:
        return f"{self.low:g}:{self.high:g}"


@dataclass(frozen=True)
class Choice:
    """A few values, each as likely as the others."""

    options: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        return self.options

    def at(self, quantile: float) -> Any:
        return self.options[min(int(quantile * len(self.options)), len(self.options) - 1)]

    def levels(self, count: int) -> tuple[Any, ...]:
        return self.options

    def __str__(self) -> str:
        return ",".join(map(str, self.options))


class Hyperparameter(NamedTuple):
    """How a field of `Config` may vary.

    `space` is its usual search range (None: the family's), `accepted` the smallest and the largest number or all names
    that make sense for it, `searched` says whether a study varies it unless told otherwise.
    """

    help: str
    space: Range | Choice | None
    accepted: tuple[Any, ...]
    unit: str = ""
    searched: bool = False


PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Config:
    """One configuration of one trial, valid by construction: an impossible one raises `InputError`.

    A field that its model family does not have is None.
    """

    dataset: str = "digits"
    model: str = "cnn"
    lr: Annotated[float, Hyperparameter("learning rate", Range(1e-5, 1e-1, log=True), (1e-8, 10), searched=True)] = 1e-3
    batch_size: Annotated[
        int, Hyperparameter("pictures per step", Range(16, 256, log=True), (2, 65536), "pictures", searched=True)
    ] = 64
    depth: Annotated[
        int | None, Hyperparameter("hidden layers or blocks", None, (1, 1000), "layers", searched=True)
    ] = None
    activation: Annotated[
        str,
        Hyperparameter(
            "activation function", Choice(("relu", "gelu", "tanh", "sigmoid")), tuple(ACTIVATIONS), searched=True
        ),
    ] = "relu"
    optimizer: Annotated[str, Hyperparameter("update rule", Choice(("sgd", "adam", "adamw")), tuple(OPTIMIZERS))] = (
        "adam"
    )
    weight_decay: Annotated[float, Hyperparameter("weight decay", Range(1e-6, 1e-2, log=True), (0, 10))] = 0.0
    momentum: Annotated[
        float, Hyperparameter("momentum of sgd and rmsprop, beta1 of adam and adamw", Range(0.5, 0.99), (0, 0.9999))
    ] = 0.9
    dropout: Annotated[float, Hyperparameter("share of units dropped", Range(0.0, 0.5), (0, 0.95))] = 0.0
    width: Annotated[
        float, Hyperparameter("units per layer, as a multiple of the family's", Range(0.25, 4.0, log=True), (0.01, 64))
    ] = 1.0
    epochs: Annotated[int, Hyperparameter("passes over the training pictures", Range(5, 40), (1, 10000), "epochs")] = 10
    seed: Annotated[int, Hyperparameter("initialisation and shuffling", Range(0, 9), (0, 2**31 - 1))] = 0
    image_size: Annotated[
        int | None, Hyperparameter("side of the pictures (default: the data set's)", Range(8, 64), (1, 1024), "pixels")
    ] = None
    precision: Annotated[str, Hyperparameter("of the forward pass", Choice(tuple(PRECISIONS)), tuple(PRECISIONS))] = (
        "float32"
    )

    def __post_init__(self) -> None:
        row, _ = source(self.dataset)
        self._resolve("image_size", row.side)
        family = family_of(self.model)
        self._resolve("depth", family.default_depth)
        for name in HYPERPARAMETERS:
            if applies(name, self.model):
                self._check(name)
            elif getattr(self, name) not in (None, default_of(name)):
                raise InputError(f"model {self.model!r} has no {name}; got {name} {getattr(self, name)}")
            else:
                object.__setattr__(self, name, None)
        if family.depths and self.depth not in family.depths:
            raise not_one_of(f"depth of model {self.model!r}", self.depth, family.depths)
        if self.image_size < family.smallest_side:
            raise InputError(
                f"pictures for model {self.model!r} must be at least {family.smallest_side} pixels wide; got "
                f"{self.image_size} ({self.dataset}): give --image-size {family.smallest_side} or more"
            )

    def _resolve(self, name: str, default: Any) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, default)

    def _check(self, name: str) -> None:
        row, kind, value = HYPERPARAMETERS[name], type_of(name), getattr(self, name)
        if kind is str:
            if value not in row.accepted:
                raise not_one_of(name, value, row.accepted)
            return
        low, high = row.accepted
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not (whole or (kind is float and isinstance(value, float))) or not low <= value <= high:
            noun = "a whole number" if kind is int else "a number"
            raise InputError(f"{name} must be {noun} from {low:g} to {high:g}; got {value}")
        object.__setattr__(self, name, kind(value))

    def hyperparameters(self) -> dict[str, Any]:
        """Name and value of every hyperparameter that this model family has, in the order of the fields."""
        return {name: getattr(self, name) for name in HYPERPARAMETERS if applies(name, self.model)}


_HINTS = get_type_hints(Config, include_extras=True)
HYPERPARAMETERS: dict[str, Hyperparameter] = {
    name: hint.__metadata__[0] for name, hint in _HINTS.items() if hasattr(hint, "__metadata__")
}
_STRUCTURAL = {name for family in MODELS.values() for name in family.hyperparameters}


def type_of(name: str) -> type:
    """The type of a hyperparameter's values: float, int or str."""
    hint = get_args(_HINTS[name])[0]
    return next(kind for kind in (*get_args(hint), hint) if kind is not NoneType)


def default_of(name: str) -> Any:
    """The default of a hyperparameter; None where it depends on the family or the data set."""
    return next(field.default for field in fields(Config) if field.name == name)


def family_of(model: str) -> Family:
    """The row of `MODELS`; raises `InputError` for a name that is not there."""
    if model not in MODELS:
        raise not_one_of("model", model, MODELS)
    return MODELS[model]


def applies(name: str, model: str) -> bool:
    """Whether the model family has this hyperparameter; those of the optimizer and the data every family has."""
    return name not in _STRUCTURAL or name in family_of(model).hyperparameters


def usual_space(name: str, model: str) -> Range | Choice:
    """The range that a study searches for a hyperparameter unless its user names another."""
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


def from_params(params: Mapping[str, str]) -> Config:
    """The configuration of a tracked run, whose parameters are text."""
    chosen = {name: type_of(name)(params[name]) for name in HYPERPARAMETERS if name in params}
    return Config(dataset=params["dataset"], model=params["model"], **chosen)


@dataclass(frozen=True)
class Plan:
    """What a study varies (`space`), and what it holds fixed or takes as the default (`base`)."""

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

    @cached_property
    def largest_side(self) -> int:
        """Pixels; the size at which pictures are read, so that a trial only ever scales them down."""
        return max(self.space["image_size"].ends) if "image_size" in self.space else self.base.image_size

    def describe(self) -> dict[str, dict[str, Any]]:
        """Per hyperparameter of the family: its space if searched, its default, scale and unit, ready for JSON."""
        return {name: self._describe(name, value) for name, value in self.base.hyperparameters().items()}

    def _describe(self, name: str, default: Any) -> dict[str, Any]:
        row, space = HYPERPARAMETERS[name], self.space.get(name)
        kind = {None: "fixed", Range: "range", Choice: "choice"}[space and type(space)]
        return {"kind": kind, **(asdict(space) if space else {}), "default": default, "unit": row.unit}


def make_plan(dataset: str, model: str, given: dict[str, str]) -> Plan:
    """The plan for `model` on `dataset`, where `given` holds what the user wrote per hyperparameter.

    A searched hyperparameter keeps its usual default, but for the picture size: a data set's own may lie outside the
    range, and may even be too small for the model, so there it is the largest of the range.
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
