"""Files of runs that were cut off, emptied, overwritten or deleted: a line or a report that says so."""

import random

import pytest
from PIL import Image

from hyperstudy.reports import findings
from hyperstudy.study import export, predict
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, here, store_of, trial_runs

DAMAGE = {
    "cut off": lambda content: content[: len(content) * 2 // 3],
    "emptied": lambda content: b"",
    "overwritten": lambda content: random.Random(0).randbytes(len(content)),
    "deleted": None,
}


@pytest.fixture
def store(finished_study, tmp_path):
    """A copy of the finished study's folder."""
    copy_study(finished_study, tmp_path / "copy")
    return tmp_path / "copy"


def damage(folder, name, kind):
    """Damage the file of every run that has it; how many there were."""
    paths = list((folder / "mlruns" / "artifacts").glob(f"**/{name}"))
    for path in paths:
        content = path.read_bytes()
        path.unlink()
        if DAMAGE[kind]:
            path.write_bytes(DAMAGE[kind](content))
    return len(paths)


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_a_network_that_is_lost_is_one_line(name, kind, store, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    assert damage(store, name, kind)
    done = here(predict.main, store, str(tmp_path / "x.png"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    lost = f"has no file '{name}' any more" if kind == "deleted" else f"{name} is missing, damaged"
    assert "study.predict: the network of run " in done.stderr
    assert lost in done.stderr
    assert "restore its files from a copy of the store" in done.stderr


@pytest.mark.parametrize("kind", DAMAGE)
def test_the_tracker_s_metrics_stand_in_for_a_history_that_is_lost(kind, store):
    def accuracies():
        tracker = Tracker(store_of(store), "digits-cnn")
        curves = tracker.curves(trial_runs(store))
        return {run_id: [epoch["val/accuracy"] for epoch in epochs] for run_id, epochs in curves}

    whole = accuracies()
    assert damage(store, "history.csv", kind)
    assert accuracies() == whole
    done = here(export.main, store, "--to", f"sqlite:///{store}/optuna.db")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_report_says_which_files_are_lost(store, tmp_path):
    for name, kind in (("answers.npz", "overwritten"), ("confusion_matrix.csv", "cut off"), ("history.csv", "emptied")):
        assert damage(store, name, kind)
    done = here(findings.main, store, "--folder", str(tmp_path / "reports"))
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "reports" / "digits-cnn" / "README.md").read_text().replace("\\", "")  # of Markdown
    lost = "confusion_matrix.csv of winner-seed-1000, answers.npz of winner-seed-1000, answers.npz of winner-seed-1001"
    assert f"Files are missing or damaged: {lost} and 4 more." in said


def test_a_report_of_a_whole_store_misses_no_files(store, tmp_path):
    assert here(findings.main, store, "--folder", str(tmp_path / "reports")).returncode == 0
    said = (tmp_path / "reports" / "digits-cnn" / "README.md").read_text()
    assert "Files are missing" not in said
    damage(store, "mistakes.npz", "deleted")
    assert here(findings.main, store, "--folder", str(tmp_path / "reports")).returncode == 0
    assert "mistakes.npz of winner-seed-1000" in (tmp_path / "reports" / "digits-cnn" / "README.md").read_text()
