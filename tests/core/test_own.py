"""A user's own file: its rows stand beside the project's, and what is wrong with it is one line."""

import sys

import numpy as np
import pytest

from hyperstudy.models import MODELS
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import Config, rows_of
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.data.own_pictures import pictures
from hyperstudy.study.core.data.splits import load_splits
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.metrics import METRICS
from hyperstudy.study.core.own import LOADED, load_own, read_own
from hyperstudy.study.core.params import from_params
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.core.schedules import SCHEDULES
from hyperstudy.study.core.train import train
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.tasks.pictures import picture_objective
from hyperstudy.study.tasks.rehearsal import rehearse

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
    before = [(table, dict(table)) for table in (MODELS, SCHEDULES, AUGMENTATIONS, LOSSES, METRICS, LOOPS, LOADED)]

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        own = read_own(path)
        load_own(own)
        return own

    yield write
    for registry, rows in before:
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


def test_a_file_that_failed_fails_again(written):
    for _ in range(2):
        with pytest.raises(InputError, match="ZeroDivisionError"):
            written("1 / 0")


@pytest.mark.parametrize("name", ["trials", "workers"])
def test_a_hyperparameter_with_the_name_of_an_option_is_refused(written, name):
    own = written(SMALL.replace("patch", name).replace(f"{name}net", "patchnet"))
    with pytest.raises(InputError, match=f"hyperparameter '{name}' has the name of another option"):
        parse_options(["--from", str(own.path), "--model", "patchnet"])


def test_a_hyperparameter_may_have_the_name_of_what_the_parser_keeps(written):
    own = written(SMALL.replace("patch", "given").replace("givennet", "patchnet"))
    options = parse_options(["--from", str(own.path), "--model", "patchnet", "--given", "4"])
    assert options.given == {"given": "4"}


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
        (SMALL.replace('patch", 2', 'patch", None'), "patch must have a number or a text as its default; got None"),
        (SMALL.replace('own={"patch": patch}', 'own={"patch": 3}'), "must be a Hyperparameter; got int"),
        (
            SMALL.replace("hs.Choice((1, 2, 4))", "hs.Range(0, 4, log=True)"),
            r"patch must be searched in a Range .*Range\(low=0",
        ),
        (
            SMALL.replace("hs.Choice((1, 2, 4))", "hs.Choice((1, 1))"),
            "searched in .* a Choice of different values",
        ),
        (SMALL.replace("hs.Choice((1, 2, 4))", "(1, 2)"), r"patch must be searched in .*got \(1, 2\)"),
        (SMALL.replace("patch", "phase"), "'phase' means something else in every study"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(written, text, message):
    with pytest.raises(InputError, match=message) as raised:
        written(text)
    assert "\n" not in str(raised.value)


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


def test_a_rehearsal_of_mapped_pictures_reads_a_few(written, tmp_path):
    images, labels = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (40, 8, 12)), np.arange(40) % 2
    DATASETS["scans"] = pictures((images, labels))
    try:
        splits = load_splits("scans", tmp_path, 8)
        rehearse(make_plan("scans", "cnn", {"augmentation": "flip-crop"}), splits)
    finally:
        del DATASETS["scans"]


def test_a_model_that_works_is_let_through(written, tmp_path):
    written(SMALL)
    rehearse(make_plan("digits", "patchnet", {}), load_splits("digits", tmp_path, 8))


TUNED = """
import hyperstudy as hs

hs.SCHEDULES["halfway"] = lambda share: 1.0 if share < 0.5 else 0.1
hs.AUGMENTATIONS["dark"] = lambda images, generator: images // 2
hs.LOSSES["twice"] = lambda logits, labels, weights, smoothing: 2 * hs.LOSSES["cross-entropy"](
    logits, labels, weights, smoothing
)
"""
OPTIONS = ("--schedule", "halfway,cosine", "--augmentation", "dark", "--loss", "twice")


def test_rows_of_a_file_are_options_and_trained_with(tmp_path, written):
    (tmp_path / "mine.py").write_text(TUNED)
    options = parse_options(["--from", str(tmp_path / "mine.py"), "--model", "softmax", *OPTIONS])
    plan, splits = make_plan(options.dataset, options.model, options.given), load_splits("digits", tmp_path, 8)
    assert plan.space["schedule"].options == ("halfway", "cosine")
    rehearse(plan, splits)
    ours = list(train(plan.config({"schedule": "halfway", "batch_size": 2000}).replace(epochs=2), splits))
    assert [epoch.metrics["train/lr"] for epoch in ours] == pytest.approx([1e-3, 1e-4])
    darker = splits._replace(train=splits.train._replace(images=splits.train.images // 2))
    plain = next(train(Config(model="softmax", batch_size=2000), darker))
    assert ours[0].metrics["train/loss"] == pytest.approx(2 * plain.metrics["train/loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("images // 2", "images[:, :, 1:]"), r"augmentation 'dark' must give pictures as it takes them, .*; got"),
        (("images // 2", "images / 255"), r"augmentation 'dark' .*torch.uint8 4x1x8x8; got torch.float32 4x1x8x8"),
        (("lambda images, generator", "lambda images"), r"augmentation 'dark' fails: TypeError"),
        (("2 * hs", "float('inf') * hs"), "loss 'twice' must give one finite number for a batch; got inf"),
        (("2 * hs", "logits @ hs"), r"loss 'twice' fails: RuntimeError.*\(line 6: "),
        (("0.1\n", "-0.1\n"), r"schedule 'halfway' must give factors from 0 up; got \[1.0, -0.1, -0.1\]"),
        (("0.1\n", "1 / 0\n"), r"schedule 'halfway' fails: ZeroDivisionError.*\(line 4: "),
    ],
)
def test_a_row_that_cannot_work_is_refused_before_the_study_begins(written, tmp_path, change, message):
    text = TUNED.replace(*change)
    assert text != TUNED
    written(text)
    given = {"schedule": "halfway", "augmentation": "dark", "loss": "twice"}
    with pytest.raises(InputError, match=message):
        rehearse(make_plan("digits", "softmax", given), load_splits("digits", tmp_path, 8))


METRIC = """
import hyperstudy as hs


def among_two(logits, labels):
    return (logits.topk(2, 1).indices == labels[:, None]).any(1).float().mean().item()


hs.METRICS["among-two"] = hs.Metric(among_two)
"""


def test_a_metric_is_measured_after_every_epoch_and_can_be_the_objective(written, digits):
    written(METRIC)
    *_, last = train(Config(model="mlp", epochs=2), digits)
    assert last.metrics["val/accuracy"] < last.metrics["val/among-two"] <= 1
    objective = picture_objective("among-two")
    assert (objective.key, objective.test_key, objective.maximize) == ("val/among-two", "test/among-two", True)
    assert objective.name == "validation among two"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("return (", "return 1 / 0 * (", "metric 'among-two' fails: ZeroDivisionError"),
        (
            ".item()",
            ".item() / 0.0 if False else float('nan')",
            "metric 'among-two' must give a finite number; got nan",
        ),
    ],
)
def test_a_metric_that_cannot_work_is_refused(before, after, line, written, digits):
    written(METRIC.replace(before, after))
    with pytest.raises(InputError, match=line):
        rehearse(make_plan("digits", "mlp", {}), digits)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("hs.METRICS['x'] = max", "METRICS\\['x'\\] must be a Metric; got builtin_function_or_method"),
        ("hs.METRICS['a/b'] = hs.Metric(max)", "a metric must have a name of letters"),
        ("hs.LOOPS['x'] = max", "LOOPS\\['x'\\] must be a Loop"),
        (
            "hs.LOOPS['x'] = hs.Loop(max, {'seed': hs.Hyperparameter('s', 1, hs.Range(0, 5))}, 'y')",
            "'seed' is what train",
        ),
        (
            "hs.LOOPS['x'] = hs.Loop(max, {'state': hs.Hyperparameter('s', 1, hs.Range(0, 5))}, 'y')",
            "means something else",
        ),
        ("hs.LOOPS['x'] = hs.Loop(max, {'a': 3}, 'y')", "of loop 'x' must be a Hyperparameter; got int"),
    ],
)
def test_rows_that_are_none_are_refused(row, line, written):
    with pytest.raises(InputError, match=line):
        written(f"import hyperstudy as hs\n{row}\n")
