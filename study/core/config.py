"""The configuration of a trial: one line per hyperparameter, from which everything else about it is derived.

The search space, the command-line options, the tracked parameters and the report's columns all come from the fields of
`Config`. To add a hyperparameter, add its line here and use it where it acts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

import torch
from hyperstudy.models import ACTIVATIONS, INITIALISATIONS, MODELS, Family
from hyperstudy.study.core.data import SCALINGS
from hyperstudy.study.core.datasets import source
from hyperstudy.study.core.domains import Choice, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.core.optimizers import OPTIMIZERS

LAST_BATCH = ("keep", "drop")
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Config:
    """One configuration of one trial. An impossible one raises `InputError`.

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
    dropout: Annotated[
        float, Hyperparameter("share of units that dropout sets to zero", Range(0.0, 0.5), (0, 0.95))
    ] = 0.0
    width: Annotated[
        float, Hyperparameter("units per layer, as a multiple of the family's", Range(0.25, 4.0, log=True), (0.01, 64))
    ] = 1.0
    kernel_size: Annotated[
        int, Hyperparameter("side of the convolution kernels", Choice((3, 5, 7)), (1, 31), "pixels")
    ] = 3
    initialisation: Annotated[
        str, Hyperparameter("initial weights", Choice(("torch", "xavier", "he")), tuple(INITIALISATIONS))
    ] = "torch"
    epochs: Annotated[int, Hyperparameter("passes over the training pictures", Range(5, 40), (1, 10000), "epochs")] = 10
    seed: Annotated[int, Hyperparameter("seed of initialisation and shuffling", Range(0, 9), (0, 2**30))] = 0
    image_size: Annotated[
        int | None,
        Hyperparameter("shorter side of the pictures (default: the data set's)", Range(8, 64), (1, 1024), "pixels"),
    ] = None
    border: Annotated[
        int,
        Hyperparameter("black border around a picture, added before it is resized", Range(0, 8), (0, 512), "pixels"),
    ] = 0
    scaling: Annotated[str, Hyperparameter("scaling of the pixels", Choice(tuple(SCALINGS)), tuple(SCALINGS))] = (
        "standardised"
    )
    last_batch: Annotated[
        str, Hyperparameter("keep or drop the last batch of an epoch if it is not full", Choice(LAST_BATCH), LAST_BATCH)
    ] = "keep"
    precision: Annotated[
        str, Hyperparameter("number format of the forward pass", Choice(tuple(PRECISIONS)), tuple(PRECISIONS))
    ] = "float32"

    def __post_init__(self) -> None:
        row, _ = source(self.dataset)
        if self.image_size is None:  # only then, since a user's own data are read for it
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
            low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in row.accepted)
            raise InputError(f"{name} must be {noun} from {low} to {high}; got {value}")
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
    """Whether the model family has this hyperparameter. Every family has those of the optimizer and the data."""
    return name not in _STRUCTURAL or name in family_of(model).hyperparameters


def from_params(params: Mapping[str, str]) -> Config:
    """The configuration of a tracked run, whose parameters are text. A missing one has its default."""
    chosen = {name: type_of(name)(params[name]) for name in HYPERPARAMETERS if name in params}
    return Config(dataset=params["dataset"], model=params["model"], **chosen)
