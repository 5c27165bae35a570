import math

import pytest

from hyperstudy.models import ACTIVATIONS, MODELS
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import HYPERPARAMETERS, Config, rows_of
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.params import from_params
from hyperstudy.study.core.schedules import SCHEDULES


@pytest.mark.parametrize("model", MODELS)
def test_tracked_parameters_give_the_same_configuration_back(model):
    config = Config(model=model, image_size=64, lr=1.2345678901234567e-3, optimizer="sgd")
    params = {"dataset": "digits", "model": model, **config.hyperparameters()}
    assert from_params({name: str(value) for name, value in params.items()}) == config


@pytest.mark.parametrize("model", MODELS)
def test_a_configuration_has_the_hyperparameters_of_its_family_and_no_other(model):
    names = set(Config(model=model, image_size=64).hyperparameters())
    assert {"depth", "activation", "width", "dropout", "kernel_size"} & names == set(MODELS[model].hyperparameters)
    assert {"lr", "batch_size", "optimizer", "epochs", "seed"} <= names


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_the_usual_range_of_a_hyperparameter_is_accepted(name):
    space = HYPERPARAMETERS[name].space
    for value in space.ends if space else ():
        assert getattr(Config(**{name: value}), name) == value


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_what_lies_outside_the_limits_is_refused_by_name_and_value(name):
    row = HYPERPARAMETERS[name]
    wrong = ["nonsense"] if row.kind is str else [row.accepted[0] - 1, row.accepted[1] + 1, math.nan, math.inf, True]
    for value in wrong:
        with pytest.raises(InputError, match=f"{name}.* must be .*; got {value}|{name}.*got '{value}'"):
            Config(**{name: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "mpl"}, r"got 'mpl' \(did you mean 'mlp'\?\)"),
        ({"activation": "gellu"}, r"got 'gellu' \(did you mean 'gelu'\?\)"),
        ({"dataset": "minst"}, r"got 'minst' \(did you mean 'mnist'\?\)"),
        ({"optimizer": "adamm"}, "did you mean 'adam'"),
        ({"depth": 5}, "depth of model 'cnn' must be one of '1', '2', '3', '4'; got '5'"),
        ({"model": "lenet"}, "at least 12 pixels wide; got 8"),
        ({"model": "softmax", "depth": 2}, "model 'softmax' has no depth"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
    ],
)
def test_an_impossible_configuration_is_refused(fields, message):
    with pytest.raises(InputError, match=message):
        Config(**fields)


def test_the_accepted_names_are_those_of_the_registries():
    registries = {
        **{"activation": ACTIVATIONS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES},
        **{"augmentation": AUGMENTATIONS, "loss": LOSSES},
    }
    for name, registry in registries.items():
        assert HYPERPARAMETERS[name].limits is registry
    assert "momentum" in rows_of("softmax")
