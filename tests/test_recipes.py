"""Published recipes: their registry, and `python -m study.recipes` on small pictures."""

import shutil
from urllib.error import URLError

import pytest
from torchvision import datasets as torchvision_datasets

from hyperstudy.study.comparisons.published import RECIPES
from hyperstudy.study.recipes import main
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, python
from tests.datafiles import write_archive, write_cifar, write_mnist

NAMES = ("lenet-mnist", "mlp-sigmoid-mnist")
CIFAR = {name for name, recipe in RECIPES.items() if "cifar10" in recipe.datasets}


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """Two recipes over two seeds on a few hundred pictures in MNIST's layout: the folder, and what was printed."""
    folder = tmp_path_factory.mktemp("recipes")
    write_mnist(folder / "data", "MNIST", 200)
    done = python("-m", "study.recipes", *NAMES, "--seeds", "2", "--workers", "2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def recipes(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder without a network: exit code, and what it printed to the two streams."""

    def no_network(*_, **__):
        raise URLError("no route to host")

    def run(*words):
        return main([*words, "--tracking-uri", store_in(tmp_path)]), *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    return run


def store_in(folder):
    return f"sqlite:///{folder}/mlruns/mlflow.db"


def runs_of(folder):
    return Tracker(store_in(folder), "recipes").runs("tags.phase = 'recipe'")


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_at_most_as_many_published_figures_as_epochs(name):
    recipe = RECIPES[name]
    assert recipe.about
    for dataset in recipe.datasets:
        epochs = recipe.config(dataset).epochs
        assert all(1 <= len(values) <= epochs for values in recipe.published.values())
    assert set(recipe.published) <= {"train/loss", "train/accuracy", "test/accuracy"}


def test_every_recipe_is_a_run_per_seed_on_all_training_pictures(reproduced):
    folder, output = reproduced
    runs = runs_of(folder)
    assert sorted((run.tags["role"], run.params["seed"]) for run in runs) == sorted(
        (name, seed) for name in NAMES for seed in ("1000", "1001")
    )
    for run in runs:
        config = RECIPES[run.tags["role"]].config("mnist")
        full, left = divmod(200, config.batch_size)
        steps = full + (left > 0 and config.last_batch == "keep")
        assert (run.state, run.metrics["steps"]) == ("complete", steps * config.epochs)
        assert run.metrics["test/accuracy"] == pytest.approx(run.metrics["val/accuracy"])
    assert "python -m reports.findings --study recipes" in output
    for name in NAMES:
        (line,) = [line for line in output.splitlines() if line.startswith(name) and "mnist " in line]
        accuracies = [run.metrics["test/accuracy"] for run in runs if run.tags["role"] == name]
        assert f"{sum(accuracies) / 2:.4f}" in line


def test_the_same_command_trains_nothing_twice_and_more_seeds_what_is_missing(reproduced, tmp_path):
    copy_study(reproduced[0], tmp_path / "again")
    before = runs_of(tmp_path / "again")
    where = ("--data-dir", str(tmp_path / "again" / "data"), "--tracking-uri", store_in(tmp_path / "again"))
    assert main([*NAMES, "--seeds", "2", *where]) == 0
    assert runs_of(tmp_path / "again") == before
    assert main([NAMES[0], "--seeds", "3", "--workers", "1", *where]) == 0
    after = runs_of(tmp_path / "again")
    assert [run for run in after if run in before] == before
    assert [(run.tags["role"], run.params["seed"]) for run in after[4:]] == [(NAMES[0], "1002")]


def test_other_pictures_than_before_are_refused(reproduced, tmp_path, capsys):
    copy_study(reproduced[0], tmp_path / "other")
    shutil.rmtree(tmp_path / "other" / "data")
    write_mnist(tmp_path / "other" / "data", "MNIST", 120)
    where = ("--data-dir", str(tmp_path / "other" / "data"), "--tracking-uri", store_in(tmp_path / "other"))
    assert main([NAMES[0], "--seeds", "3", *where]) == 2
    told = capsys.readouterr().err
    assert "data digest" in told
    assert told.count("\n") == 1
    assert len(runs_of(tmp_path / "other")) == 4


def test_without_cifar10_the_other_recipes_are_trained(recipes, tmp_path):
    """They lie in no form in the data folder, and cannot be downloaded."""
    write_mnist(tmp_path / "data", "MNIST", 100)
    write_mnist(tmp_path / "data", "FashionMNIST", 100)
    code, out, err = recipes("--seeds", "1", "--workers", "2")
    assert (code, err) == (1, "")
    assert {run.tags["role"] for run in runs_of(tmp_path)} == set(RECIPES) - CIFAR
    (line,) = [line for line in out.splitlines() if line.startswith("not run")]
    assert all(name in line for name in CIFAR)
    assert "could not be downloaded" in line
    assert "data/cifar10-jpeg.zip" in line


def test_cifar10_serves_its_recipes(recipes, tmp_path, monkeypatch):
    write_cifar(tmp_path / "data", torchvision_datasets.CIFAR10, monkeypatch)
    code, out, _ = recipes("cnn-cifar10", "--seeds", "1", "--workers", "1")
    assert code == 0, out
    (run,) = runs_of(tmp_path)
    assert (run.params["dataset"], run.tags["role"], run.state) == ("cifar10", "cnn-cifar10", "complete")
    assert run.metrics["steps"] == 8 * 5, "250 pictures in batches of 32, five epochs"


def test_its_jpegs_serve_them_where_cifar10_is_missing(recipes, tmp_path):
    (tmp_path / "data").mkdir()
    write_archive(tmp_path / "data", count=20)
    code, out, _ = recipes("cnn-cifar10", "--seeds", "1", "--workers", "1")
    assert code == 0, out
    (run,) = runs_of(tmp_path)
    assert run.params["dataset"] == "cifar10-jpeg"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("lenet-mnis", "(did you mean 'lenet-mnist'?)"),
        ("--seeds 0", "seeds must be a whole number from 1 up; got '0'"),
        ("--device tpu", "device must be one that this machine has"),
        ("--sedes 3", "(did you mean '--seeds'?)"),
    ],
)
def test_what_cannot_be_done_is_one_line(recipes, tmp_path, words, line):
    code, _, told = recipes(*words.split())
    assert code == 2
    assert line in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_softmax_regression_is_as_published(real_data, tmp_path):
    words = ["softmax-fashion", "--seeds", "1", "--data-dir", str(real_data), "--tracking-uri", store_in(tmp_path)]
    assert main(words) == 0
    (run,) = runs_of(tmp_path)
    published = RECIPES["softmax-fashion"].published
    (curve,) = dict(Tracker(store_in(tmp_path), "recipes").curves([run])).values()
    for metric, name in (("train/loss",) * 2, ("train/accuracy",) * 2, ("test/accuracy", "val/accuracy")):
        ours = [epoch[name] for epoch in curve[2:]]  # earlier epochs vary more from seed to seed
        assert ours == pytest.approx(published[metric][2:], abs=0.02)
