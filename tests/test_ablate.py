"""`python -m study.ablate` on a small study: softmax regression, of which lr and batch size are searched."""

import json
import re
import subprocess
import sys

import pytest

from hyperstudy.reports.findings import main as report
from hyperstudy.study.ablate import main
from hyperstudy.study.run import main as run
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.studies.session import SETTINGS
from hyperstudy.study.tracking.store import flush
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, environment, here, in_phase, store_of, trial_runs

STUDY = ["--model", "softmax", "--trials", "4", "--epochs", "2", "--confirm-seeds", "2", "--workers", "2"]


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studied")
    done = here(run, folder, *STUDY)
    assert done.returncode == 0, done.stderr
    flush(store_of(folder))
    return folder


@pytest.fixture(scope="module")
def ablated(studied, tmp_path_factory):
    """The folder of the study with its ablation, and what was printed."""
    folder = tmp_path_factory.mktemp("ablated") / "study"
    copy_study(studied, folder)
    done = here(main, folder, "--seeds", "2", "--workers", "2")
    assert done.returncode == 0, done.stderr
    flush(store_of(folder))
    return folder, done.stdout


@pytest.fixture
def copied(studied, tmp_path):
    copy_study(studied, tmp_path / "copy")
    return tmp_path / "copy"


def confirmed(folder):
    runs = in_phase(trial_runs(folder, "digits-softmax"), "confirm")
    return sorted((run.tags["role"], run.params["seed"]) for run in runs if run.state == "complete")


def ends(folder):
    """Learning rate and batch size of winner and default, as text."""
    roles = json.loads(Tracker(store_of(folder), "digits-softmax").tags()[FINALISTS])
    return [(str(roles[role]["lr"]), str(roles[role]["batch_size"])) for role in ("winner", "default")]


def levels(run):
    return run.params["lr"], run.params["batch_size"]


def test_every_arm_is_trained_over_the_finalists_seeds_and_once(ablated):
    folder, output = ablated
    runs = in_phase(trial_runs(folder, "digits-softmax"), "confirm")
    assert {run.state for run in runs} == {"complete"}
    assert all("test/accuracy" in run.metrics for run in runs)
    trained = [(levels(run), run.params["seed"]) for run in runs]
    assert len(set(trained)) == len(trained)
    roles = json.loads(Tracker(store_of(folder), "digits-softmax").tags()[FINALISTS])
    (lr, size), (usual_lr, usual_size) = (
        (str(r["lr"]), str(r["batch_size"])) for r in (roles["winner"], roles["default"])
    )
    assert lr != usual_lr
    assert size != usual_size
    for arm in [(lr, size), (usual_lr, size), (lr, usual_size), (usual_lr, usual_size)]:
        assert {seed for at, seed in trained if at == arm} == {"1000", "1001"}
    assert [line.split()[0] for line in output.splitlines() if "->" in line] == ["alone", "alone", "path", "path"]
    assert "python -m reports.findings --study digits-softmax" in output


def test_the_differences_that_are_printed_are_those_of_the_runs(ablated):
    folder, output = ablated
    runs = in_phase(trial_runs(folder, "digits-softmax"), "confirm")
    (lr, size), (_, usual_size) = ends(folder)
    low, high = (
        [run.metrics["test/accuracy"] for run in sorted(runs, key=lambda r: r.params["seed"]) if levels(run) == arm]
        for arm in ((lr, usual_size), (lr, size))
    )
    mean = sum(b - a for a, b in zip(low, high, strict=True)) / 2
    (line,) = [line for line in output.splitlines() if line.startswith("alone") and "batch_size" in line]
    assert f" {mean:.4f}" in line


def test_the_same_command_trains_nothing_twice(ablated, capsys):
    folder, _ = ablated
    before = confirmed(folder)
    assert main(["--seeds", "2", "--tracking-uri", store_of(folder)]) == 0
    assert "0 runs missing" in capsys.readouterr().out
    assert confirmed(folder) == before


def test_more_seeds_add_only_what_is_missing_and_the_study_itself_is_left_alone(ablated, tmp_path):
    folder = tmp_path / "copy"
    copy_study(ablated[0], folder)
    before = confirmed(folder)
    assert here(main, folder, "--seeds", "3", "--workers", "2").returncode == 0
    after = confirmed(folder)
    assert set(before) < set(after)
    assert {seed for role, seed in after if role == "default"} == {"1000", "1001", "1002"}
    repeated = here(run, folder, *STUDY)
    assert repeated.returncode == 0, repeated.stderr
    assert confirmed(folder) == after


def test_the_next_report_says_what_the_ablation_says(ablated, tmp_path):
    folder, _ = ablated
    assert report(["--tracking-uri", store_of(folder), "--folder", str(tmp_path)]) == 0
    text = (tmp_path / "digits-softmax" / "README.md").read_text()
    assert "all else as in the winner" in text
    assert len(re.findall(r"^\| alone \| .* \| (?:supported|suggestive|inconclusive) \| 2 \|$", text, re.M)) == 2


def test_a_killed_ablation_goes_on_where_it_stopped(copied):
    words = [sys.executable, "-m", "study.ablate", "--seeds", "5", "--workers", "1"]
    with subprocess.Popen(words, cwd=copied, env=environment(), stdout=subprocess.PIPE, text=True) as killed:
        next(line for line in killed.stdout if line.startswith("[") and " complete " in line)
        killed.kill()
    done = here(main, copied, "--seeds", "5", "--workers", "1")
    assert done.returncode == 0, done.stderr
    runs = in_phase(trial_runs(copied, "digits-softmax"), "confirm")
    finished = [(levels(run), run.params["seed"]) for run in runs if run.state == "complete"]
    assert len(set(finished)) == len(finished)
    assert {run.state for run in runs} <= {"complete", "interrupted"}
    assert {run.status for run in runs} <= {"FINISHED", "KILLED"}


def test_other_pictures_than_the_study_s_are_refused(copied, capsys):
    tracker = Tracker(store_of(copied), "digits-softmax")
    settings = json.loads(tracker.tags()[SETTINGS])
    tracker.tag(SETTINGS, json.dumps({**settings, "data digest": "0123456789abcdef"}))
    before = confirmed(copied)
    assert main(["--tracking-uri", store_of(copied)]) == 2
    told = capsys.readouterr().err
    assert "their digest must be 0123456789abcdef" in told
    assert told.count("\n") == 1
    assert confirmed(copied) == before


def test_a_study_that_was_not_confirmed_says_what_to_do(tmp_path, capsys):
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "plain")
    tracker.create()
    tracker.tag("study.command", "python -m study.run --model mlp")
    assert main(["--tracking-uri", tracker.uri]) == 2
    told = capsys.readouterr().err
    assert "study 'plain' has no confirmed winner yet" in told
    assert told.endswith("python -m study.run --model mlp\n")


def test_a_winning_default_leaves_nothing_to_train(copied, capsys):
    tracker = Tracker(store_of(copied), "digits-softmax")
    roles = json.loads(tracker.tags()[FINALISTS])
    tracker.tag(FINALISTS, json.dumps({"winner": roles["default"]}))
    before = confirmed(copied)
    assert main(["--tracking-uri", tracker.uri]) == 0
    assert "there is nothing to compare" in capsys.readouterr().out
    assert confirmed(copied) == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--study digits-softmay", "study must be one of 'digits-softmax'; got 'digits-softmay'"),
        ("--seeds 1", "seeds must be a whole number from 2 up; got '1'"),
        ("--tracking-uri sqlite:///other.db", "there is no study yet in 'other.db'"),
    ],
)
def test_what_cannot_be_done_is_one_line(studied, words, line, capsys):
    assert main(["--tracking-uri", store_of(studied), *words.split()]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1
