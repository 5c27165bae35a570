"""A user's own file: its rows stand beside the project's, and what is wrong with it is one line."""

import sys

import pytest
from hyperstudy.models import MODELS
from hyperstudy.study.core.config import Config, from_params, rows_of
from hyperstudy.study.core.data import load_splits
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import LOADED, load_own, read_own
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.core.rehearsal import rehearse

SMALL = """
import hyperstudy as hs
from torch import nn


def patchnet(shape, classes, activation, patch):
    side = shape[1] // patch
    return nn.Sequential(
        nn.Conv2d(shape[0], 8, patch, patch), hs.ACTIVATIONS[activation](), nn.Flatten(),
        nn.Linear(8 * side**2, classes),
    )


patch = hs.Hyperparameter("side of a patch", 2, hs.Choice((1, 2, 4)), unit="pixels", searched=True)
hs.MODELS["patchnet"] = hs.Family(patchnet, own={"patch": patch})
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a file, runs it, and forgets its rows after the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before, loaded = dict(MODELS), dict(LOADED)

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        own = read_own(path)
        load_own(own)
        return own

    yield write
    for registry, rows in ((MODELS, before), (LOADED, loaded)):
        registry.clear()
        registry.update(rows)


def test_a_model_of_a_file_has_its_own_hyperparameter_beside_the_usual_ones(written):
    written(SMALL)
    plan = make_plan("digits", "patchnet", {})
    assert list(plan.space) == ["lr", "batch_size", "activation", "patch"]
    assert plan.base.patch == 2
    assert plan.dimensions()["patch"].unit == "pixels"
    assert "patch" not in rows_of("cnn")


def test_its_configuration_survives_as_text(written):
    written(SMALL)
    config = Config(model="patchnet", patch=4)
    assert (
        from_params({n: str(v) for n, v in {"dataset": "digits", "model": "patchnet", **dict(config.values)}.items()})
        == config
    )


def test_another_model_does_not_have_it(written):
    written(SMALL)
    with pytest.raises(InputError, match="model 'cnn' has no patch; got patch 4"):
        Config(model="cnn", patch=4)


def test_a_file_is_run_once(written):
    written(SMALL + "print('run')")
    assert make_plan("digits", "patchnet", {"patch": "1"}).base.patch == 1
    family = MODELS["patchnet"]
    written(SMALL + "print('run')")
    assert MODELS["patchnet"] is family


def test_modules_beside_the_file_can_be_imported_also_one_that_is_called_models(written, tmp_path):
    """The user's own folder of that name is not ours."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("WIDTH = 7")
    sys.modules.pop("models", None)
    try:
        written("from models import WIDTH\nassert WIDTH == 7\n" + SMALL)
    finally:
        sys.modules.pop("models", None)
    assert "patchnet" in MODELS
    assert "cnn" in MODELS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x = 1\nimport nowhere",
            r"ModuleNotFoundError: .*nowhere.*\(line 2: import nowhere\)",
        ),
        ("def f(:", r"mine.py cannot be used: SyntaxError: .*\(line 1: def f\(:\)"),
        ("def f():\n    return 1 / 0\nf()", r"ZeroDivisionError: .*\(line 2: return 1 / 0\)"),
        ("raise SystemExit(3)", "mine.py cannot be used: SystemExit: 3"),
        (SMALL.replace("hs.Family(patchnet, own={", "dict(own={"), "MODELS\\['patchnet'\\] must be a Family; got dict"),
        (SMALL.replace(', own={"patch": patch}', ""), "model 'patchnet' takes 'patch', which is no hyperparameter yet"),
        (SMALL.replace('"side of a patch", 2', '"side of a patch", None'), "patch must be a whole number .*; got None"),
        (SMALL.replace('own={"patch": patch}', 'own={"patch": 3}'), "must be a Hyperparameter; got int"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(written, text, message):
    with pytest.raises(InputError, match=message) as raised:
        written(text)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_own(tmp_path / "mine.py")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("8 * side**2", "7"),
            r"model 'patchnet' with activation=relu, patch=2 fails on pictures of 4x1x8x8: RuntimeError",
        ),
        (("8 * side**2, classes", "8 * side**2, 3"), "must give logits of 4x10 .*; got 4x3"),
        (("side = shape[1] // patch", "side = shape[1] // 2"), "patch=1 fails on pictures"),
        (("nn.Flatten()", "nn.Flatten().frozen()"), r"AttributeError.*\(line 9: "),
        (("return nn.Sequential(", "return nn.Sequential(nn.Threshold(1e9, float('nan')),"), "not finite"),
    ],
)
def test_a_model_that_cannot_work_is_refused_before_the_study_begins(written, tmp_path, change, message):
    text = SMALL.replace(*change)
    assert text != SMALL
    written(text)
    with pytest.raises(InputError, match=message):
        rehearse(make_plan("digits", "patchnet", {}), load_splits("digits", tmp_path, 8))


def test_a_model_that_works_is_let_through(written, tmp_path):
    written(SMALL)
    rehearse(make_plan("digits", "patchnet", {}), load_splits("digits", tmp_path, 8))
