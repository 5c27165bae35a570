"""A study of a model that a user's file adds, from the command line to the report."""

import json

import numpy as np
import pytest
from PIL import Image

from hyperstudy.study.tracking.store import sqlite_file
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import python, store_of
from tests.core.test_own import SMALL

SHORT = ("--trials", "8", "--epochs", "2", "--confirm-seeds", "2", "--workers", "1")


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder of a user who has a `models` of their own, with a finished study of the model in `mine.py`."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "mine.py").write_text(SMALL)
    (folder / "models").mkdir()
    (folder / "models" / "__init__.py").write_text("raise SystemExit('not ours')")
    done = python("-m", "study.run", "--from", "mine.py", "--model", "patchnet", *SHORT, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_run_keeps_the_file_and_the_value(studied):
    tracker = Tracker(store_of(studied), "digits-patchnet")
    runs = [run for run in tracker.runs() if run.state]
    assert {run.params["patch"] for run in runs} <= {"1", "2", "4"}
    assert len({run.params["patch"] for run in runs}) > 1
    assert tracker.download(runs[0].run_id, "mine.py", studied).read_text() == SMALL


def test_the_registered_model_needs_nothing_but_the_store(studied, tmp_path):
    code = (
        "import sys, mlflow, numpy as np; mlflow.set_tracking_uri(sys.argv[1]);"
        "model = mlflow.pyfunc.load_model('models:/digits-patchnet@champion');"
        "print(np.asarray(model.predict(np.zeros((3, 1, 8, 8), dtype=np.uint8))).shape, 'hyperstudy' in sys.modules)"
    )
    done = python("-c", code, store_of(studied), cwd=tmp_path)
    assert done.stdout.strip().endswith("(3, 10) False"), done.stderr


def test_the_report_has_the_hyperparameter(studied):
    done = python("-m", "reports.findings", cwd=studied)
    assert done.returncode == 0, done.stderr
    found = json.loads((studied / "mlruns" / "reports" / "digits-patchnet" / "findings.json").read_text())
    assert "patch" in json.dumps(found)


def test_the_same_command_goes_on_only_with_the_same_file(studied):
    words = ("-m", "study.run", "--from", "mine.py", "--model", "patchnet", *SHORT)
    changed = SMALL.replace("nn.Conv2d(shape[0], 8", "nn.Conv2d(shape[0], 9").replace("8 * side", "9 * side")
    (studied / "mine.py").write_text(changed)
    try:
        refused = python(*words, cwd=studied)
    finally:
        (studied / "mine.py").write_text(SMALL)
    assert refused.returncode == 2
    assert "was begun with another mine.py (line 9 was 'nn.Conv2d(shape[0], 8" in refused.stderr
    assert python(*words, cwd=studied).returncode == 0


def test_prediction_finds_the_file_and_runs_a_stored_copy_only_if_it_is_told_to(studied):
    words = ("-m", "study.predict", "--study", "digits-patchnet", "--grid", "4")
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


SCANS = """
import hyperstudy as hs
import numpy as np

hs.DATASETS["scans"] = hs.pictures(lambda: (np.load("scans.npy", mmap_mode="r"), np.load("labels.npy")))
"""


def test_pictures_of_the_user_s_own_are_studied_where_they_lie(tmp_path):
    """Floats in a memory-mapped file that are twice as wide as high, in three classes that differ in brightness."""
    labels = np.arange(90) % 3
    levels = np.random.default_rng(0).random((90, 8, 16)).astype(np.float32) * 0.4 + 0.3 * labels[:, None, None]
    np.save(tmp_path / "scans.npy", levels)
    np.save(tmp_path / "labels.npy", np.array(["dark", "dim", "light"])[labels])
    (tmp_path / "mine.py").write_text(SCANS)
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
    (tmp_path / "mine.py").write_text(SMALL.replace("side**2, classes", "side**2, 3"))
    done = python("-m", "study.run", "--from", "mine.py", "--model", "patchnet", *SHORT, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "must give logits of 4x10" in done.stderr
    assert not sqlite_file(store_of(tmp_path)).exists()
