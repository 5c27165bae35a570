"""A study of the model and the pictures that the README's `mine.py` adds, from the command line to the report."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from hyperstudy.reports.findings import main as report
from hyperstudy.study.tracking.store import sqlite_file
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import ROOT, here, python, store_of

BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
MINE = next(block for block in BLOCKS if "hs.MODELS[" in block)
STUDY = "scans-patchnet"
RUN = ("-m", "study.run", "--from", "mine.py", "--model", "patchnet", "--dataset", "scans")
RUN += ("--trials", "8", "--epochs", "2", "--confirm-seeds", "2", "--workers", "1")


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder of a user who has a `models` of their own, with a finished study of what `mine.py` adds."""
    folder = tmp_path_factory.mktemp("user")
    prepare(folder)
    done = python(*RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def prepare(folder):
    """Write the file, and pictures of 8 x 12 pixels in three classes, brighter in another part each."""
    labels = np.arange(240) % 3
    images = np.random.default_rng(0).integers(0, 200, (240, 8, 12), dtype=np.uint8)
    for row, label in enumerate(labels):
        images[row, :, 4 * label : 4 * label + 4] += 50
    np.save(folder / "scans.npy", images)
    np.save(folder / "labels.npy", labels)
    (folder / "mine.py").write_text(MINE)
    (folder / "models").mkdir()
    (folder / "models" / "__init__.py").write_text("raise SystemExit('not ours')")


def test_the_file_is_short():
    assert len([line for line in MINE.splitlines() if line]) <= 15


def test_every_run_keeps_the_file_and_the_value(studied, tmp_path):
    tracker = Tracker(store_of(studied), STUDY)
    runs = [run for run in tracker.runs() if run.state]
    assert {run.params["patch"] for run in runs} <= {"1", "2", "4"}
    assert len({run.params["patch"] for run in runs}) > 1
    assert tracker.download(runs[0].run_id, "mine.py", tmp_path).read_text() == MINE


def test_the_registered_model_needs_nothing_but_the_store(studied, tmp_path):
    code = (
        "import sys, mlflow, numpy as np; mlflow.set_tracking_uri(sys.argv[1]);"
        f"model = mlflow.pyfunc.load_model('models:/{STUDY}@champion');"
        "print(np.asarray(model.predict(np.zeros((5, 1, 8, 12), dtype=np.uint8))).shape, 'hyperstudy' in sys.modules)"
    )
    done = python("-c", code, store_of(studied), cwd=tmp_path)
    assert done.stdout.strip().endswith("(5, 3) False"), done.stderr


def test_the_report_has_the_hyperparameter(studied):
    done = here(report, studied, "--folder", str(studied / "reports"))
    assert done.returncode == 0, done.stderr
    found = json.loads((studied / "reports" / STUDY / "findings.json").read_text())
    assert "patch" in json.dumps(found)


def test_the_same_command_goes_on_only_with_the_same_file(studied):
    (studied / "mine.py").write_text(MINE.replace("32", "33"))
    try:
        refused = python(*RUN, cwd=studied)
    finally:
        (studied / "mine.py").write_text(MINE)
    assert refused.returncode == 2
    assert re.search(r"was begun with another mine.py \(line \d+ was 'layers = .* 32, ", refused.stderr), refused.stderr
    assert python(*RUN, cwd=studied).returncode == 0


def test_prediction_finds_the_file_and_runs_a_stored_copy_only_if_it_is_told_to(studied):
    words = ("-m", "study.predict", "--study", STUDY, "--grid", "4")
    assert python(*words, cwd=studied).returncode == 0
    (studied / "mine.py").rename(studied / "moved.py")
    try:
        refused = python(*words, cwd=studied)
        named = python(*words, "--from", "moved.py", cwd=studied)
        stored = python(*words, "--run-stored-file", cwd=studied)
    finally:
        (studied / "moved.py").rename(studied / "mine.py")
    assert refused.returncode == 2
    assert "is not there: name it with --from FILE, or run the copy" in refused.stderr
    assert (named.returncode, stored.returncode) == (0, 0), named.stderr + stored.stderr


def test_pictures_of_the_user_s_own_are_studied_where_they_lie(tmp_path):
    """Floats in a memory-mapped file that are twice as wide as high, in three classes that differ in brightness."""
    labels = np.arange(90) % 3
    levels = np.random.default_rng(0).random((90, 8, 16)).astype(np.float32) * 0.4 + 0.3 * labels[:, None, None]
    np.save(tmp_path / "scans.npy", levels)
    np.save(tmp_path / "labels.npy", np.array(["dark", "dim", "light"])[labels])
    (tmp_path / "mine.py").write_text(MINE)
    words = ("--from", "mine.py", "--dataset", "scans", "--model", "mlp", "--scaling", "unit", "--border", "1")
    short = ("--trials", "3", "--epochs", "9", "--confirm-seeds", "1", "--workers", "1", "--lr", "1e-3:1e-2")
    done = python("-m", "study.run", *words, *short, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    drawn = python("-m", "study.predict", "--grid", "18", cwd=tmp_path)
    assert "18 of 18 right" in drawn.stdout, drawn.stderr
    Image.fromarray(np.full((40, 80), 20, np.uint8)).save(tmp_path / "night.png")
    told = python("-m", "study.predict", "night.png", cwd=tmp_path)
    assert " dark " in told.stdout, told.stderr


def test_a_model_that_cannot_work_leaves_nothing(tmp_path):
    prepare(tmp_path)
    (tmp_path / "mine.py").write_text(MINE.replace("cells, classes", "cells, 4"))
    done = python(*RUN, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "must give logits of 4x3" in done.stderr
    assert not sqlite_file(store_of(tmp_path)).exists()
