"""The configuration of a trial: one row per hyperparameter, from which everything else about it is derived.

The search space, the command-line options, the tracked parameters and the report's columns all come from the rows of
`HYPERPARAMETERS` and of the model's own. To add a hyperparameter, add its row here and use it where it acts.
"""

from dataclasses import dataclass
from typing import Any

import torch

from hyperstudy.models import ACTIVATIONS, INITIALISATIONS, MODELS, Family
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.data.datasets import source
from hyperstudy.study.core.data.splits import SCALINGS
from hyperstudy.study.core.domains import Choice, Hyperparameter, Range
from hyperstudy.study.core.errors import InputError, not_one_of
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.schedules import SCHEDULES

LAST_BATCH = ("keep", "drop")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = {"float32": torch.float32, "bf16": torch.bfloat16}


HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "lr": Hyperparameter("learning rate", 1e-3, Range(1e-5, 1e-1, log=True), (1e-8, 10), searched=True),
    "batch_size": Hyperparameter(
        "pictures per step", 64, Range(16, 256, log=True), (2, 65536), "pictures", searched=True
    ),
    "depth": Hyperparameter("hidden layers or blocks", None, None, (1, 1000), "layers", searched=True),
    "activation": Hyperparameter(
        "activation function", "relu", Choice(("relu", "gelu", "tanh", "sigmoid")), ACTIVATIONS, searched=True
    ),
    "optimizer": Hyperparameter("update rule", "adam", Choice(("sgd", "adam", "adamw")), OPTIMIZERS),
    "weight_decay": Hyperparameter("weight decay", 0.0, Range(1e-6, 1e-2, log=True), (0, 10)),
    "momentum": Hyperparameter(
        "momentum of sgd and rmsprop, beta1 of adam and adamw", 0.9, Range(0.5, 0.99), (0, 0.9999)
    ),
    "schedule": Hyperparameter(
        "course of the learning rate, whose peak is lr", "constant", Choice(tuple(SCHEDULES)), SCHEDULES
    ),
    "warmup": Hyperparameter(
        "share of the training steps over which the learning rate rises from 0", 0.0, Range(0.0, 0.3), (0, 0.9)
    ),
    "clip": Hyperparameter("largest norm of the gradient; 0: no clipping", 0.0, Range(0.1, 10.0, log=True), (0, 1000)),
    "loss": Hyperparameter("loss that training minimises", "cross-entropy", Choice(tuple(LOSSES)), LOSSES),
    "label_smoothing": Hyperparameter(
        "share of a training picture's label that is spread evenly over all classes", 0.0, Range(0.0, 0.3), (0, 0.99)
    ),
    "class_weights": Hyperparameter(
        "balanced: every class counts alike in training, however many pictures it has",
        "none",
        Choice(CLASS_WEIGHTS),
        CLASS_WEIGHTS,
    ),
    "augmentation": Hyperparameter(
        "random changes of the training pictures", "none", Choice(tuple(AUGMENTATIONS)), AUGMENTATIONS
    ),
    "dropout": Hyperparameter("share of units that dropout sets to zero", 0.0, Range(0.0, 0.5), (0, 0.95)),
    "width": Hyperparameter(
        "units per layer, as a multiple of the family's", 1.0, Range(0.25, 4.0, log=True), (0.01, 64)
    ),
    "kernel_size": Hyperparameter("side of the convolution kernels", 3, Choice((3, 5, 7)), (1, 31), "pixels"),
    "initialisation": Hyperparameter("initial weights", "torch", Choice(("torch", "xavier", "he")), INITIALISATIONS),
    "epochs": Hyperparameter("passes over the training pictures", 10, Range(5, 40), (1, 10000), "epochs"),
    "seed": Hyperparameter("seed of initialisation, shuffling and augmentation", 0, Range(0, 9), (0, 2**30)),
    "image_size": Hyperparameter(
        "shorter side of the pictures (default: the data set's)", None, Range(8, 64), (1, 1024), "pixels"
    ),
    "border": Hyperparameter(
        "black border around a picture, added before it is resized", 0, Range(0, 8), (0, 512), "pixels"
    ),
    "scaling": Hyperparameter("scaling of the pixels", "standardised", Choice(tuple(SCALINGS)), SCALINGS),
    "last_batch": Hyperparameter(
        "keep or drop the last batch of an epoch if it is not full", "keep", Choice(LAST_BATCH), LAST_BATCH
    ),
    "precision": Hyperparameter("number format of the forward pass", "float32", Choice(tuple(PRECISIONS)), PRECISIONS),
}
STRUCTURAL = frozenset(name for family in MODELS.values() for name in family.hyperparameters)  # not every family's


@dataclass(frozen=True, init=False)
class Values:
    """A value for each hyperparameter, in the order of their rows; each can be read as an attribute, `config.lr`."""

    values: tuple[tuple[str, Any], ...]

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "values":  # while it is copied or unpickled
            raise AttributeError(name)
        found = self.hyperparameters()
        if name not in found:
            raise AttributeError(f"{self.described()} has no {name}")
        return found[name]

    def hyperparameters(self) -> dict[str, Any]:
        """Name and value of every hyperparameter, in the order of the rows."""
        return dict(self.values)

    def subject(self) -> dict[str, str]:
        """What is trained, by name, as the tracker records it."""
        raise NotImplementedError

    def described(self) -> str:
        """What is trained, in words."""
        return " ".join(f"{name} {value!r}" for name, value in self.subject().items())


@dataclass(frozen=True, init=False)
class Config(Values):
    """One configuration of one trial that trains a model on pictures. An impossible one raises `InputError`.

    It has a value for each hyperparameter of the model; one that only other models have is None.
    """

    dataset: str
    model: str

    def __init__(self, dataset: str = "digits", model: str = "cnn", **values: Any) -> None:
        row, _ = source(dataset)
        family, rows = family_of(model), rows_of(model)
        for name, value in values.items():
            if name not in rows and value not in (None, default_of(name)):
                raise InputError(f"model {model!r} has no {name}; got {name} {value}")
        defaults = {name: each.default for name, each in rows.items()}
        if values.get("image_size") is None:  # only then, since a user's own data are read for it
            defaults["image_size"] = row.side
        chosen = {name: value for name, value in values.items() if name in rows and value is not None}
        found = {name: rows[name].check(name, value) for name, value in (defaults | chosen).items()}
        if family.depths and found["depth"] not in family.depths:
            raise not_one_of(f"depth of model {model!r}", found["depth"], family.depths)
        if found["image_size"] < family.smallest_side:
            raise InputError(
                f"pictures for model {model!r} must be at least {family.smallest_side} pixels wide; got "
                f"{found['image_size']} ({dataset}): give --image-size {family.smallest_side} or more"
            )
        super().__init__(dataset=dataset, model=model, values=tuple(found.items()))

    def __getattr__(self, name: str) -> Any:
        return None if name in HYPERPARAMETERS and name not in self.hyperparameters() else super().__getattr__(name)

    def replace(self, **values: Any) -> "Config":
        """The same configuration with other values of some hyperparameters."""
        return Config(self.dataset, self.model, **{**self.hyperparameters(), **values})

    def rows(self) -> dict[str, Hyperparameter]:
        """The hyperparameters that the model has."""
        return rows_of(self.model)

    def subject(self) -> dict[str, str]:
        return {"dataset": self.dataset, "model": self.model}


def rows_of(model: str) -> dict[str, Hyperparameter]:
    """The hyperparameters that a model has: those of the optimizer and the data, which every family has, and those that
    its building function takes, of which a family may have its own rows."""
    family = family_of(model)
    rows = {
        name: row for name, row in HYPERPARAMETERS.items() if name not in STRUCTURAL or name in family.hyperparameters
    }
    if family.depths:
        rows["depth"] = rows["depth"].of_family(family.depths, family.default_depth)
    return {**rows, **family.own}


def default_of(name: str) -> Any:
    """The usual default of a hyperparameter; None where it depends on the family or the data set."""
    return HYPERPARAMETERS[name].default if name in HYPERPARAMETERS else None


def family_of(model: str) -> Family:
    """The row of `MODELS`; raises `InputError` for a name that is not there."""
    if model not in MODELS:
        raise not_one_of("model", model, MODELS)
    return MODELS[model]
