"""`python -m study.confirm` on a real study."""

import re
import subprocess
import sys

import optuna
import pytest

from study.search.storage import open_storage, settings_of
from study.search.trials import Queue
from study.tracking.tracker import Tracker
from tests.conftest import copy_study, environment, python


@pytest.fixture(scope="module")
def experimented(finished_study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experimented") / "study"
    copy_study(finished_study, folder)
    done = python(*["-m", "study.confirm", "--seeds", "2", "--workers", "2"], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def arms(folder):
    runs = Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", "digits-cnn").runs()
    confirmed = [run for run in runs if run.tags["phase"] == "confirm"]
    assert all(run.tags["state"] == "complete" and "test/accuracy" in run.metrics for run in confirmed)
    return sorted((run.tags["role"], run.params["seed"]) for run in confirmed)


def test_every_arm_is_trained_over_the_finalists_seeds_and_once(experimented):
    folder, output = experimented
    trained = arms(folder)
    assert len(set(trained)) == len(trained)
    assert {seed for _, seed in trained} == {"1000", "1001"}
    assert any(role.startswith("winner with ") for role, _ in trained)
    assert "alone" in output
    assert "path" in output
    again = python(*["-m", "study.confirm", "--seeds", "2"], cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "0 runs missing" in again.stdout
    assert arms(folder) == trained


def test_more_seeds_add_only_what_is_missing_and_the_study_itself_is_left_alone(experimented):
    folder, _ = experimented
    before = arms(folder)
    done = python(*["-m", "study.confirm", "--seeds", "3", "--workers", "2"], cwd=folder)
    assert done.returncode == 0, done.stderr
    after = arms(folder)
    assert set(before) < set(after)
    assert {seed for role, seed in after if role == "default"} == {"1000", "1001", "1002"}
    words = "-m study.run --trials 6 --epochs 2 --confirm-seeds 2 --workers 2"
    repeated = python(*words.split(), cwd=folder)
    assert repeated.returncode == 0, repeated.stderr
    assert arms(folder) == after


def test_the_next_report_tells_what_the_experiments_say(experimented):
    folder, _ = experimented
    done = python("-m", "reports.findings", cwd=folder)
    assert done.returncode == 0, done.stderr
    text = (folder / "reports" / "digits-cnn" / "README.md").read_text()
    assert "all else as in the winner" in text
    assert re.search(r"^\| alone \| .* \| (supported|suggestive|inconclusive) \| 3 \|$", text, re.M)


def test_killed_experiments_go_on_where_they_stopped(finished_study, tmp_path):
    folder = tmp_path / "study"
    copy_study(finished_study, folder)
    words = [sys.executable, "-m", "study.confirm", "--seeds", "2", "--workers", "1"]
    killed = subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    for line in killed.stdout:
        if line.startswith("[1/"):
            break
    killed.kill()
    killed.wait()
    done = python("-m", "study.confirm", "--seeds", "2", "--workers", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    runs = Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", "digits-cnn").runs("tags.phase = 'confirm'")
    finished = [(run.tags["role"], run.params["seed"]) for run in runs if run.tags["state"] == "complete"]
    assert len(set(finished)) == len(finished)
    assert {run.tags["state"] for run in runs} <= {"complete", "interrupted"}
    assert {run.status for run in runs} <= {"FINISHED", "KILLED"}
    assert "0 runs missing" in python("-m", "study.confirm", "--seeds", "2", cwd=folder).stdout


def test_experiments_take_no_other_pictures_than_the_study_s(finished_study, tmp_path):
    folder = tmp_path / "study"
    copy_study(finished_study, folder)
    storage = open_storage(f"sqlite:///{folder}/mlruns/optuna.db")
    study = optuna.load_study(study_name="digits-cnn", storage=storage)
    study.set_user_attr("settings", {**study.user_attrs["settings"], "data digest": "0123456789abcdef"})
    before = arms(folder)
    done = python("-m", "study.confirm", cwd=folder)
    assert done.returncode == 2
    assert "their digest must be 0123456789abcdef" in done.stderr
    assert done.stderr.count("\n") == 1
    assert arms(folder) == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--study digits-cn", "study must be one of 'digits-cnn'; got 'digits-cn' (did you mean 'digits-cnn'?)"),
        ("--seeds 1", "seeds must be a whole number from 2 up; got '1'"),
        ("--storage sqlite:///other.db", "there is no study yet in 'other.db'"),
    ],
)
def test_what_cannot_be_done_is_one_line(finished_study, words, line):
    done = python("-m", "study.confirm", *words.split(), cwd=finished_study)
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_experiments_are_refused_where_the_trials_are_of_another_study_of_that_name(finished_study, tmp_path):
    """The trials' store was lost, and the study's command, given again, made another."""
    folder = tmp_path / "lost"
    copy_study(finished_study, folder)
    for file in (folder / "mlruns").glob("optuna.db*"):
        file.unlink()
    queue = Queue(open_storage(f"sqlite:///{folder}/mlruns/optuna.db"), "digits-cnn")
    digest = settings_of(open_storage(f"sqlite:///{finished_study}/mlruns/optuna.db"), "digits-cnn")
    queue.settle(digest)
    done = python("-m", "study.confirm", "--seeds", "2", cwd=folder)
    assert done.returncode == 2
    assert "belongs to another study than the one in --storage" in done.stderr
