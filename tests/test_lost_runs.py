"""A store that has lost a part of a study: it is named, reported, and trained again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hyperstudy.reports.findings import main as report
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.predict import main as predict
from hyperstudy.study.run import main
from hyperstudy.study.tracking.lost import lost
from hyperstudy.study.tracking.store import flush
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, environment, here, numbers, store_of, wait_for

STUDY = "digits-softmax"
WORDS = ["--model", "softmax", "--epochs", "1", "--workers", "1", "--trials", "6", "--confirm-seeds", "2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study with runs of every phase, an ablation among them."""
    folder = tmp_path_factory.mktemp("whole")
    done = here(main, folder, *WORDS)
    assert done.returncode == 0, done.stderr
    flush(store_of(folder))
    return folder


@pytest.fixture
def study(whole, tmp_path):
    copy_study(whole / "mlruns", tmp_path / "mlruns")
    return tmp_path


def said(folder):
    """What the report says about losses."""
    assert here(report, folder, "--folder", str(folder / "reports")).returncode == 0
    text = (folder / "reports" / STUDY / "README.md").read_text()
    return [line for line in text.splitlines() if "The store has" in line]


def test_deleted_runs_of_every_phase_are_named_reported_and_trained_again(study, whole):
    tracker = Tracker(store_of(study), STUDY)
    names = ["explore-001", "search-005", "candidate-1-seed-501", "winner-seed-1000", "winner with lr=0.001-seed-1001"]
    found = [run for run in tracker.runs() if run.name in names]
    assert len(found) == len(names)
    for run in found:
        tracker.client.delete_run(run.run_id)
    told = f"5 lost runs: {', '.join(sorted(names))}"
    assert said(study) == [f"- **warn**: The store has {told}. Repeat the study's command: it trains them again."]
    done = here(main, study, *WORDS)
    assert done.returncode == 0, done.stderr
    assert f"{STUDY}: {told}; the study's command trains again what it needs of them\n" in done.stdout
    assert numbers(study, STUDY) == numbers(whole, STUDY)
    assert said(study) == []
    version = tracker.client.get_model_version_by_alias(STUDY, "champion")
    assert tracker.client.get_run(version.run_id).info.lifecycle_stage == "active", "the new run's model"
    assert "lost" not in here(main, study, *WORDS).stdout


def test_removed_files_of_finalists_and_of_the_champion_are_made_again(study, whole):
    tracker = Tracker(store_of(study), STUDY)
    (run,) = [run for run in tracker.runs() if run.name == "winner-seed-1000"]
    shutil.rmtree(Path(run.artifacts.removeprefix("file://")))
    told = "1 run without files: winner-seed-1000; a registered model without files"
    assert told in said(study)[0]
    wrong = here(predict, study, "--grid", "4", "--out", str(study / "grid.png"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "has no file 'config.json' any more: the command of the study trains it again" in wrong.stderr
    done = here(main, study, *WORDS)
    assert done.returncode == 0, done.stderr
    assert f"{STUDY}: {told}; the study's command trains again what it needs of them\n" in done.stdout
    assert numbers(study, STUDY) == numbers(whole, STUDY)
    assert said(study) == []
    assert list((study / "mlruns" / "artifacts" / STUDY).rglob("*.pt2"))
    assert here(predict, study, "--grid", "4", "--out", str(study / "grid.png")).returncode == 0


def states(folder):
    return {run.run_id: run.state for run in Tracker(store_of(folder), STUDY).runs()}


def test_a_command_that_is_refused_drops_nothing(study):
    (run,) = [run for run in Tracker(store_of(study), STUDY).runs() if run.name == "winner-seed-1000"]
    shutil.rmtree(Path(run.artifacts.removeprefix("file://")))
    before = states(study)
    assert here(main, study, *WORDS, "--sampler", "random").returncode == 2
    assert states(study) == before


def test_where_the_folder_of_all_files_is_gone_nothing_is_dropped(study):
    """It may lie on a disk that is not mounted."""
    before = states(study)
    (study / "mlruns" / "artifacts").rename(study / "elsewhere")
    done = here(main, study, *WORDS)
    assert done.returncode == 2
    assert "has lost the folder of all its files: bring " in done.stderr
    assert states(study) == before


def test_what_is_lost_stays_known_until_it_is_trained_again(study):
    """Other runs of the phase do not stand in for it, nor does a command that trains none of it."""
    tracker = Tracker(store_of(study), STUDY)
    deleted = [run for run in tracker.runs() if run.name.startswith("runner-up-seed-1")]
    for run in deleted:
        tracker.client.delete_run(run.run_id)
    told = lost(tracker)
    assert told.startswith(f"{len(deleted)} lost runs: runner-up-seed-1000, runner-up-seed-1001")
    assert here(ablate, study, "--seeds", "3", "--workers", "1").returncode == 0
    assert here(main, study, *WORDS[:-1], "0").returncode == 0
    assert lost(tracker) == told
    assert here(main, study, *WORDS).returncode == 0
    assert lost(tracker) == ""


def test_an_ablation_does_not_drop_runs_that_it_does_not_train_again(study, whole):
    tracker = Tracker(store_of(study), STUDY)
    bare = ["runner-up-seed-1001", "winner-seed-1000"]
    for run in tracker.runs():
        if run.name in bare:
            shutil.rmtree(Path(run.artifacts.removeprefix("file://")))
    done = here(ablate, study, "--seeds", "3", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert f"2 runs without files: {', '.join(bare)}" in done.stdout
    assert {run.state for run in tracker.runs() if run.name in bare} == {"complete"}
    assert here(main, study, *WORDS).returncode == 0
    assert [row for row in numbers(study, STUDY) if not row[0].endswith("1002")] == numbers(whole, STUDY)
    assert said(study) == []


def test_a_run_that_is_deleted_after_its_driver_was_killed_is_named(tmp_path):
    words = [sys.executable, "-m", "study.run", *WORDS, "--trials", "300"]
    with (tmp_path / "output.txt").open("w") as output:
        driver = subprocess.Popen(words, cwd=tmp_path, env=environment(), stdout=output)
    wait_for(lambda: "[3/300] explore-002" in (tmp_path / "output.txt").read_text())
    driver.kill()
    driver.wait()
    tracker = Tracker(store_of(tmp_path), STUDY)
    for run in tracker.runs():
        if run.name in ("explore-000", "explore-001"):
            tracker.client.delete_run(run.run_id)
    assert lost(tracker).endswith(": explore-000, explore-001")  # the last run's end may not have been counted


@pytest.mark.parametrize("command", [report, predict])
def test_every_command_says_how_a_deleted_study_is_restored(command, study):
    tracker = Tracker(store_of(study), STUDY)
    tracker.client.delete_experiment(tracker.experiment_id)
    done = here(command, study, "--study", STUDY, *(["--grid", "1"] if command is predict else []))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "was deleted in MLflow: restore it there (mlflow experiments restore --experiment-id" in done.stderr
