"""Published recipes: their registry, their runs on small pictures, and what the report says of them."""

import json
import re
import shutil
from dataclasses import replace

import pytest

from reports.load import load
from reports.reproduced import HIGHER, LOWER, NEAR, OURS, REPRODUCED, _verdict, comparisons, recipe_claims
from study.recipes import main
from study.studies.published import RECIPES
from study.tracking.tracker import Tracker
from tests.conftest import copy_study, python
from tests.test_datasets import write_mnist

NAMES = ("lenet-mnist", "mlp-sigmoid-mnist")


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Two recipes over two seeds on a few hundred pictures in MNIST's layout."""
    folder = tmp_path_factory.mktemp("recipes")
    write_mnist(folder / "data", "MNIST", 200)
    done = python("-m", "study.recipes", *NAMES, "--seeds", "2", "--workers", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def runs_of(folder):
    return Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", "recipes").runs("tags.phase = 'recipe'")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_at_most_as_many_figures_as_it_has_epochs(name):
    recipe = RECIPES[name]
    assert recipe.about
    assert all(1 <= len(values) <= recipe.config.epochs for values in recipe.published.values())
    assert set(recipe.published) <= {"train/loss", "train/accuracy", "test/accuracy"}


def test_every_recipe_is_a_run_per_seed_on_all_training_pictures(reproduced):
    folder, output = reproduced
    runs = runs_of(folder)
    assert sorted((run.tags["role"], run.params["seed"]) for run in runs) == sorted(
        (name, seed) for name in NAMES for seed in ("1000", "1001")
    )
    for run in runs:
        config = RECIPES[run.tags["role"]].config
        full, left = divmod(200, config.batch_size)
        steps = full + (left > 0 and config.last_batch == "keep")
        assert run.metrics["steps"] == steps * config.epochs
        assert run.metrics["test/accuracy"] == pytest.approx(run.metrics["val/accuracy"])
    assert "reproduced" in output
    assert "python -m reports.findings --study recipes" in output


def test_a_run_that_diverged_is_told_and_shifts_no_epoch(reproduced):
    study = load(f"sqlite:///{reproduced[0]}/mlruns/mlflow.db", "recipes", "")
    broken = study.recipes[study.recipes.role == "mlp-sigmoid-mnist"].run_id.iloc[0]
    runs = study.runs.assign(state=study.runs.state.where(study.runs.run_id != broken, "diverged"))
    curves = study.curves[(study.curves.run_id != broken) | (study.curves.epoch == 1)]
    half = replace(study, runs=runs, curves=curves)
    rows = [row for row in comparisons(half) if row.recipe == "mlp-sigmoid-mnist" and row.last]
    assert [(row.epoch, row.estimate.n) for row in rows] == [(RECIPES["mlp-sigmoid-mnist"].config.epochs, 1)]
    (claim,) = (found.claim for found in recipe_claims(half) if found.claim.startswith("mlp-sigmoid"))
    assert "1 of 2 runs diverged, and are not in that mean." in claim
    gone = replace(half, runs=runs.assign(state="diverged"))
    assert comparisons(gone) == []
    assert [claim.claim.endswith(" diverged in all of 2 runs.") for claim in recipe_claims(gone)] == [True, True]


def test_the_same_command_trains_nothing_twice_and_more_seeds_what_is_missing(reproduced, tmp_path):
    folder = tmp_path / "again"
    copy_study(reproduced[0], folder)
    before = {run.run_id for run in runs_of(folder)}
    for seeds, runs in ((2, 4), (3, 5)):
        names = NAMES if seeds == 2 else NAMES[:1]
        done = python("-m", "study.recipes", *names, "--seeds", str(seeds), "--workers", "1", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert len(runs_of(folder)) == runs
    assert before < {run.run_id for run in runs_of(folder)}


def test_other_pictures_than_before_are_refused(reproduced, tmp_path):
    folder = tmp_path / "other"
    copy_study(reproduced[0], folder)
    shutil.rmtree(folder / "data")
    write_mnist(folder / "data", "MNIST", 120)
    done = python("-m", "study.recipes", NAMES[0], "--seeds", "3", cwd=folder)
    assert done.returncode == 2
    assert "data digest" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_report_sets_published_beside_reproduced(reproduced):
    folder, _ = reproduced
    done = python("-m", "reports.findings", "--study", "recipes", cwd=folder)
    assert done.returncode == 0, done.stderr
    report = folder / "reports" / "recipes"
    text, page = (report / "README.md").read_text(), (report / "report.html").read_text()
    assert "failed:" not in text
    assert "What to run next" not in text
    assert "Health checks" not in page
    assert re.search(r"^\| lenet-mnist \| test/accuracy \| 5 \| 0.992 \| .* \| 2 \| \w+.* \|$", text, re.M)
    assert "its tutorial gives no figure" in text
    assert (report / "figures" / "recipes.png").stat().st_size > 5000
    assert all(finding["topic"] == "recipe" for finding in json.loads((report / "findings.json").read_text()))


def test_every_comparison_is_with_its_own_epoch(reproduced):
    folder, _ = reproduced
    study = load(f"sqlite:///{folder}/mlruns/mlflow.db", "recipes", "")
    (row,) = [row for row in comparisons(study) if row.recipe == "lenet-mnist"]
    values = [run.metrics["test/accuracy"] for run in runs_of(folder) if run.tags["role"] == "lenet-mnist"]
    assert row.estimate.mean == pytest.approx(sum(values) / 2)
    assert (row.epoch, row.last, row.published) == (5, True, 0.992)


@pytest.mark.parametrize(
    ("published", "mean", "low", "high", "verdict"),
    [
        (0.97, 0.972, 0.965, 0.979, REPRODUCED),
        (0.97, 0.978, 0.975, 0.981, NEAR),
        (0.97, 0.99, 0.985, 0.995, HIGHER),
        (0.97, 0.92, 0.9, 0.94, LOWER),
        (0.97, 0.92, None, None, LOWER),
        (None, 0.92, 0.9, 0.94, OURS),
    ],
)
def test_the_verdict_is_by_one_more_run_then_by_a_hundredth(published, mean, low, high, verdict):
    assert _verdict(published, mean, low, high) == verdict


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("lenet-mnis", "(did you mean 'lenet-mnist'?)"),
        ("--seeds 0", "seeds must be a whole number from 1 up; got '0'"),
        ("cnn-cifar10", "'data/cifar10-jpeg.zip', which is not there"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path, monkeypatch, capsys, words, line):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


def test_softmax_regression_is_as_published(real_data, tmp_path):
    done = python(
        *("-m", "study.recipes", "softmax-fashion", "--seeds", "1", "--data-dir", str(real_data)), cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    study = load(f"sqlite:///{tmp_path}/mlruns/mlflow.db", "recipes", "")
    rows = [row for row in comparisons(study) if row.epoch > 2]  # earlier epochs vary more from seed to seed
    assert len(rows) == 9
    assert all(abs(row.estimate.mean - row.published) < 0.02 for row in rows)
