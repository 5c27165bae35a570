"""A few of the faults of `python -m tests.faults`, which tries all; and what they found."""

import re
from collections import Counter

from mlflow import MlflowClient

from hyperstudy.study.run import main
from tests.conftest import ROOT, here, python, trial_runs

TINY = ["--model", "softmax", "--epochs", "1", "--workers", "1", "--trials", "2", "--confirm-seeds", "0"]


def test_a_study_survives_a_fault_of_each_kind():
    done = python("-m", "tests.faults", "--every", "1000", "--first", "13", cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = [tuple(map(int, pair)) for pair in re.findall(r"(\d+) of (\d+) survived", done.stdout)]
    assert len(counts) == 10
    assert all(survived == tried > 0 for survived, tried in counts)


def test_a_run_that_was_begun_twice_is_closed_at_the_end(tmp_path, monkeypatch):
    """As when a server is lost before it answers: MLflow asks again."""
    make = MlflowClient.create_run

    def twice(*arguments, **named):
        make(*arguments, **named)
        return make(*arguments, **named)

    monkeypatch.setattr(MlflowClient, "create_run", twice)
    assert here(main, tmp_path, *TINY).returncode == 0
    runs = trial_runs(tmp_path, "digits-softmax")
    assert Counter((run.status, run.state) for run in runs) == {
        ("FINISHED", "complete"): 2,
        ("KILLED", "interrupted"): 2,
    }
