"""`python -m study.rerun`: every phase and every end of a run, what differs, and what is refused."""

import re
import sqlite3
from contextlib import closing

import pytest
from mlflow import MlflowClient

from hyperstudy.study.outputs.names import PHASES
from hyperstudy.study.recipes import main as recipes
from hyperstudy.study.rerun import main
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, here, python, store_of, trial_runs
from tests.datafiles import write_mnist

LOOP = """
import math, os
from pathlib import Path
import hyperstudy as hs


def train(config, seed):
    if Path("die").exists():
        os._exit(3)
    noise = float(Path("noise").read_text()) if Path("noise").exists() else 0.0
    for epoch in range(config.epochs):
        error = config.x * 1.1**epoch + seed / 3 + noise
        yield {"error": error if config.x < 8 or epoch < 2 else math.nan}


x = hs.Hyperparameter("a number", 5.0, hs.Range(0.0, 10.0), (0, 10), searched=True)
space = {"x": x, "epochs": hs.Hyperparameter("passes", 4, hs.Range(2, 9), (1, 99))}
hs.LOOPS["sums"] = hs.Loop(train, space, objective="error", maximize=False)
"""


@pytest.fixture(scope="module")
def looped(tmp_path_factory):
    """The folder of a study of a loop whose trials end in every way."""
    folder = tmp_path_factory.mktemp("loop")
    (folder / "loop.py").write_text(LOOP)
    words = "-m study.run --from loop.py --loop sums --trials 24 --sampler random --confirm-seeds 1 --workers 1"
    done = python(*words.split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def copied(finished_study, tmp_path):
    copy_study(finished_study, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def rerun(looped, monkeypatch):
    """Run the command where the loop's study lies, with one worker."""
    monkeypatch.chdir(looped)
    return lambda *words: here(main, looped, *words, "--workers", "1")


def lines(done):
    return done.stdout.splitlines()


def test_all_runs_of_a_study_are_identical_and_nothing_is_written(finished_study):
    before = trial_runs(finished_study)
    done = here(main, finished_study, "--sample", "99", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert lines(done)[-1] == f"{len(before)} of {len(before)} identical"
    assert {run.phase for run in before} == set(PHASES) - {"recipe"}
    (winner,) = [line for line in lines(done) if line.startswith("winner-seed-1000:")]
    assert "2 epochs x 9 metrics, 6 of the whole run, 4 on the test data, weights.safetensors (" in winner
    assert trial_runs(finished_study) == before


def test_pruned_and_diverged_runs_are_identical_too(looped, rerun):
    assert {run.state for run in trial_runs(looped, "sums")} == {"complete", "pruned", "diverged"}
    done = rerun("--sample", "99")
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(trial_runs(looped, "sums"))
    assert lines(done)[-1] == f"{count} of {count} identical"


def test_a_changed_record_is_told_with_its_exact_amount_and_what_else_differs(copied):
    client, run = MlflowClient(store_of(copied)), trial_runs(copied)[0]
    was = client.get_metric_history(run.run_id, "val/loss")[0]
    client.log_metric(run.run_id, "val/loss", was.value + 0.25, step=was.step)
    client.set_tag(run.run_id, "versions", run.tags["versions"].replace('"torch": "', '"torch": "0.'))
    done = here(main, copied, run.run_id[:12])
    assert done.returncode == 1, done.stdout + done.stderr
    assert lines(done)[0] == f"{run.name} of digits-cnn: {run.phase}, complete, run {run.run_id}"
    amount = f"by 0.25 (was {was.value + 0.25!r}, now {was.value!r})"
    assert lines(done)[-1].startswith(
        f"differs: val/loss first after epoch {was.step} {amount}. Likely cause: torch '0."
    )


def test_a_metric_that_was_deleted_and_weights_that_were_changed_are_told(copied):
    run = next(run for run in trial_runs(copied) if run.phase == "confirm")
    with closing(sqlite3.connect(copied / "mlruns" / "mlflow.db")) as store:
        for table in ("metrics", "latest_metrics"):
            store.execute(f"DELETE FROM {table} WHERE key = 'test/macro-f1' AND run_uuid = ?", [run.run_id])
        store.commit()
    (weights,) = (copied / "mlruns").glob(f"artifacts/*/{run.run_id}/artifacts/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    done = here(main, copied, "--study", "digits-cnn", run.name)
    assert done.returncode == 1, done.stdout + done.stderr
    told = "\n".join(lines(done)[2:4])
    assert "test/macro-f1 is there now but was not recorded" in told
    assert re.search(r"weights.safetensors was ([\d,]+ bytes) \w{8}, now \1 \w{8}", told)


def test_a_training_that_depends_on_more_than_its_seed_differs(looped, rerun):
    (looped / "noise").write_text("0.5")
    try:
        done = rerun("explore-000")
    finally:
        (looped / "noise").unlink()
    assert done.returncode == 1, done.stderr
    assert "error first after epoch 1" in lines(done)[-1]
    assert "by 0.5 (was" in lines(done)[-1]
    assert lines(done)[-1].endswith("or the training depends on more than its seed")


def test_a_worker_that_dies_is_told(looped, rerun):
    (looped / "die").touch()
    try:
        done = rerun("explore-000")
    finally:
        (looped / "die").unlink()
    assert done.returncode == 1, done.stderr
    assert "differs: state was complete, now interrupted: its worker died: process ended with 3." in lines(done)[-1]


def test_another_file_is_refused_and_the_stored_one_is_run_only_if_asked_for(looped, rerun):
    (looped / "loop.py").write_text(LOOP.replace("/ 3", "/ 4"))
    try:
        refused, stored = rerun("explore-000"), rerun("explore-000", "--run-stored-file")
    finally:
        (looped / "loop.py").write_text(LOOP)
    assert refused.returncode == 2
    assert "had another loop.py (line 12 was 'error = config.x * 1.1**epoch + seed / 3" in refused.stderr
    assert (stored.returncode, lines(stored)[-1]) == (0, "identical to the last bit"), stored.stdout + stored.stderr


def test_a_recipe_is_identical_and_other_pictures_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mnist(tmp_path / "data", "MNIST", 200)
    assert here(recipes, tmp_path, "cnn-mnist-sgd", "--seeds", "1").returncode == 0
    same = here(main, tmp_path, "--study", "recipes", "--sample", "1")
    assert same.returncode == 0, same.stdout + same.stderr
    (images,) = (tmp_path / "data").rglob("train-images*ubyte")
    images.write_bytes(images.read_bytes()[:-1] + b"!")
    refused = here(main, tmp_path, "cnn-mnist-sgd-seed-1000")
    assert refused.returncode == 2
    digest = Tracker(store_of(tmp_path), "recipes").digests(trial_runs(tmp_path, "recipes")[0])["mnist"]
    assert (
        f"the pictures of mnist are not those of run 'cnn-mnist-sgd-seed-1000': their digest must be {digest}"
        in refused.stderr
    )
    assert refused.stderr.count("\n") == 1


def test_what_cannot_be_compared_is_refused_in_a_line(copied):
    client, (first, second, *_) = MlflowClient(store_of(copied)), trial_runs(copied)
    client.set_tag(first.run_id, "state", "interrupted")
    client.delete_tag(second.run_id, "state")
    other = client.create_run(client.get_run(first.run_id).info.experiment_id, run_name="theirs").info.run_id
    for words, line in (
        (
            [first.name],
            f"run '{first.name}' of study 'digits-cnn' must be complete, pruned, diverged; it is interrupted",
        ),
        (
            [second.name],
            f"run '{second.name}' of study 'digits-cnn' must be complete, pruned, diverged; it is still running",
        ),
        ([other], "run 'theirs' of study 'digits-cnn' was not trained by this project: it has no phase"),
        (["nope"], "run must have a name or an identifier that store"),
        (
            ["nope", "--study", "digits-cnn"],
            "run must have a name or an identifier that study 'digits-cnn' holds; got 'nope'",
        ),
        ([], "either name a run, or draw some with --sample N"),
        ([first.name, "--sample", "2"], "either name a run, or draw some with --sample N"),
        ([first.name, "--study", "digit-cnn"], "did you mean 'digits-cnn'?"),
        ([""], "run"),
    ):
        done = here(main, copied, *words)
        assert done.returncode == 2, words
        assert line in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_study_of_rows_that_no_store_holds_is_refused(copied):
    tracker = Tracker(store_of(copied), "digits-cnn")
    tracker.tag("study.settings", '{"file": "linear"}')
    done = here(main, copied, "explore-000")
    assert done.returncode == 2
    assert "study 'digits-cnn' has linear, added in Python, whose code no store holds" in done.stderr
