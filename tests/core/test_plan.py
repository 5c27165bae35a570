import json

import pytest

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import HYPERPARAMETERS, Config
from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.plan import make_plan, parse


def test_lr_batch_size_depth_and_activation_are_searched_by_default():
    plan = make_plan("digits", "cnn", {})
    assert plan.space == {
        "lr": Range(1e-5, 1e-1, log=True),
        "batch_size": Range(16, 256, log=True),
        "depth": Range(1, 4),
        "activation": Choice(("relu", "gelu", "tanh", "sigmoid")),
    }
    assert plan.base == Config()


def test_a_model_without_depth_or_activation_searches_neither():
    assert list(make_plan("digits", "softmax", {}).space) == ["lr", "batch_size"]


def test_a_value_fixes_a_range_searches_and_a_list_searches_its_values():
    given = {
        "lr": "1e-4:1e-2",
        "activation": "relu,gelu",
        "depth": "3",
        "weight_decay": "1e-6:1e-2",
        "batch_size": "64,32",
    }
    plan = make_plan("digits", "cnn", given)
    assert plan.space == {
        "lr": Range(1e-4, 1e-2, log=True),
        "batch_size": Choice((32, 64)),
        "activation": Choice(("relu", "gelu")),
        "weight_decay": Range(1e-6, 1e-2, log=True),
    }
    assert plan.base.depth == 3


def test_what_practitioners_tune_is_searched_by_name_or_range():
    given = {
        **{"schedule": "cosine,one-cycle", "warmup": "0:0.2", "augmentation": "none,flip-crop", "clip": "0.5:5"},
        **{"label_smoothing": "0:0.2", "class_weights": "none,balanced", "loss": "cross-entropy,focal"},
    }
    space = make_plan("digits", "cnn", given).space
    assert {name: space[name] for name in given} == {
        "schedule": Choice(("cosine", "one-cycle")),
        "warmup": Range(0.0, 0.2),
        "augmentation": Choice(("none", "flip-crop")),
        "clip": Range(0.5, 5.0, log=True),
        "label_smoothing": Range(0.0, 0.2),
        "class_weights": Choice(("none", "balanced")),
        "loss": Choice(("cross-entropy", "focal")),
    }


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_every_hyperparameter_can_be_searched(name):
    space = make_plan("digits", "cnn", {name: str(parse_usual(name))}).space
    assert name in space


def parse_usual(name):
    return HYPERPARAMETERS[name].space or "1:3"


def test_what_the_help_prints_can_be_given_back():
    for name, row in HYPERPARAMETERS.items():
        if row.space is not None:
            assert parse(name, row, str(row.space)) == row.space


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("lr", "1e-1:1e-4", "a range runs from low to high; got lr 0.1:0.0001"),
        ("lr", "0.1:0.1", "from low to high"),
        ("lr", "0:0.1", "must start above 0"),
        ("lr", "1e-9:1e-1", "lr must be a number from 1e-08 to 10; got 1e-09"),
        ("lr", "fast", "got 'fast'"),
        ("lr", "1e-3:", "got ''"),
        ("lr", "1e-3:1e-2:1e-1", "got '1e-2:1e-1'"),
        ("batch_size", "16.5", "batch_size must be a whole number"),
        ("depth", "1:9", "depth of model 'cnn' must be one of"),
        ("depth", "0", "depth must be a whole number from 1"),
        ("activation", "relu,gellu", "did you mean 'gelu'"),
        ("activation", "relu:gelu", "activation must be one of"),
        ("dropout", "0:1.5", "dropout must be a number from 0 to 0.95; got 1.5"),
        ("momentum", "nan", "momentum must be a number"),
    ],
)
def test_what_cannot_be_searched_is_refused(name, text, message):
    with pytest.raises(InputError, match=message):
        make_plan("digits", "cnn", {name: text})


def test_one_value_written_twice_fixes_a_hyperparameter():
    plan = make_plan("digits", "cnn", {"depth": "2,2"})
    assert "depth" not in plan.space
    assert plan.base.depth == 2


def test_a_study_must_vary_something():
    fixed = {"lr": "1e-3", "batch_size": "64", "depth": "2", "activation": "relu"}
    with pytest.raises(InputError, match="must vary something"):
        make_plan("digits", "cnn", fixed)


def test_the_smallest_searched_picture_must_fit_the_model():
    with pytest.raises(InputError, match="at least 12 pixels"):
        make_plan("mnist", "lenet", {"image_size": "8:28"})
    assert make_plan("mnist", "lenet", {"image_size": "12:32"}).largest_side == 32


@pytest.mark.parametrize("model", MODELS)
def test_the_description_is_json_and_names_every_hyperparameter(model):
    plan = make_plan("mnist", model, {"image_size": "64"})
    described = json.loads(json.dumps({name: row.as_dict() for name, row in plan.dimensions().items()}))
    assert list(described) == list(plan.base.hyperparameters())
    assert {name for name, row in described.items() if row["kind"] != "fixed"} == set(plan.space)
    assert {name: row["default"] for name, row in described.items()} == plan.base.hyperparameters()
