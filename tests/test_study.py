"""The whole way, as a user goes it: what a finished study leaves, and how it goes on."""

import csv
import json
import os
import re
import subprocess
import sys
from collections import Counter

from hyperstudy.reports.findings import main as report
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.predict import main as predict
from hyperstudy.study.run import main
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import here, in_phase, store_of, trial_runs
from tests.datafiles import write_pictures

TINY = ["--model", "softmax", "--epochs", "1", "--workers", "1", "--confirm-seeds", "0"]


def test_every_trial_is_a_flat_run_with_its_params_metrics_and_tags(finished_study):
    runs = trial_runs(finished_study)
    phases = Counter(run.tags["phase"] for run in runs)
    assert phases == {"explore": 4, "search": 2, "rerank": 11, "confirm": 6}
    for run in runs:
        assert run.status == "FINISHED"
        assert run.tags["state"] in ("complete", "pruned", "diverged")
        assert "mlflow.parentRunId" not in run.tags
        assert set(run.params) == {"dataset", "model", *HYPERPARAMETERS}
        assert {"train/loss", "val/accuracy", "time/train_seconds", "objective", "best_epoch", "parameters"} <= set(
            run.metrics
        )
        assert ("test/accuracy" in run.metrics) == (run.tags["phase"] == "confirm")
        assert json.loads(run.tags["versions"])["torch"]
        assert run.tags["threads"] == "1"


def test_the_last_lines_say_the_result_the_time_the_link_and_the_report(finished_study):
    output = (finished_study / "output.txt").read_text()
    told = " ".join(output.split())
    assert re.search(r"Use (the default, )?lr = .+: \d+\.\d% \[.+\] on the test set", told)
    for part in ("winner", "default", "tracking", "driving", "compareRunsMode=CHART"):
        assert part in output
    assert "python -m reports.findings --study digits-cnn" in output
    assert output.count("complete val/accuracy") + output.count("pruned val/accuracy") == 23


def test_the_artifacts_are_config_history_weights_and_pictures(finished_study, tmp_path):
    tracker = Tracker(store_of(finished_study), "digits-cnn")
    for run in trial_runs(finished_study):
        names = {file.path for file in tracker.client.list_artifacts(run.run_id)}
        assert {"config.json", "history.csv", "weights.safetensors"} <= names
        confirmed = {"answers.npz", "confusion_matrix.csv", "confusion_matrix.png", "learning_curves.png"}
        assert (confirmed <= names) == (run.tags["phase"] == "confirm")
    with tracker.download(run.run_id, "history.csv", tmp_path).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["val/accuracy"]) == run.metrics["val/accuracy"]


def test_every_run_names_its_data_and_only_confirmation_the_test_set(finished_study):
    tracker = Tracker(store_of(finished_study), "digits-cnn")
    for run in trial_runs(finished_study):
        inputs = tracker.client.get_run(run.run_id).inputs.dataset_inputs
        contexts = sorted(tag.value for entry in inputs for tag in entry.tags)
        assert contexts == (["testing", "training"] if run.tags["phase"] == "confirm" else ["training"])
        assert all(len(entry.dataset.digest) == 16 for entry in inputs)


def test_the_experiment_s_note_has_space_command_versions_and_commit(finished_study):
    tags = Tracker(store_of(finished_study), "digits-cnn").tags()
    note = tags["mlflow.note.content"]
    for part in (
        "| lr | 1e-05 to 0.1 (log) | 0.001 |",
        "python -m study.run --trials 6",
        "torch 2",
        "commit `",
        "digits",
    ):
        assert part in note
    assert len(note) < 5000
    assert json.loads(tags["study.space"])["lr"] == {
        **{"kind": "range", "low": 1e-5, "high": 0.1, "log": True},
        **{"default": 1e-3, "unit": "", "accepted": [1e-8, 10]},
    }


def test_the_champion_predicts_without_this_project(finished_study, tmp_path):
    code = f"""
import mlflow, numpy, sys
mlflow.set_tracking_uri("sqlite:///{finished_study}/mlruns/mlflow.db")
model = mlflow.pyfunc.load_model("models:/digits-cnn@champion")
from sklearn.datasets import load_digits
pixels, labels = load_digits(return_X_y=True)
pictures = (pixels.reshape(-1, 1, 8, 8) * 255 / 16).round().astype("uint8")
probabilities = model.predict(pictures)
assert probabilities.shape == (1797, 10) and abs(probabilities.sum(1) - 1).max() < 1e-5
assert model.predict(pictures[:1]).shape == (1, 10)
assert model.metadata.signature is not None and model.input_example is not None
assert "study" not in sys.modules and "models" not in sys.modules
print((probabilities.argmax(1) == labels).mean())
"""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0.5


def test_the_same_command_again_repeats_nothing(finished_study):
    before = [(run.run_id, run.metrics) for run in trial_runs(finished_study)]
    done = here(main, finished_study, *["--trials", "6", "--epochs", "2", "--confirm-seeds", "2", "--workers", "2"])
    assert done.returncode == 0
    assert [(run.run_id, run.metrics) for run in trial_runs(finished_study)] == before


def test_the_same_name_with_other_settings_is_refused_with_the_differences(finished_study):
    done = here(main, finished_study, *["--trials", "6", "--epochs", "3", "--confirm-seeds", "2", "--lr", "1e-4:1e-2"])
    assert done.returncode == 2
    assert "lr 1e-05:0.1 searched (now 0.0001:0.01 searched); epochs 2 (now 3)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(trial_runs(finished_study)) == 23


def test_a_study_grows_when_it_is_asked_for_more_trials(tmp_path):
    for trials in (4, 7):
        assert here(main, tmp_path, *TINY, "--trials", str(trials)).returncode == 0
    runs = trial_runs(tmp_path, "digits-softmax")
    assert sorted(int(run.tags["trial"]) for run in runs) == list(range(7))
    done = here(main, tmp_path, *TINY, "--trials", "5")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "already has 7 trials, and can only grow; got 5" in done.stderr


def test_a_study_in_which_every_trial_diverges_ends_without_a_winner(tmp_path):
    words = "--model softmax --trials 3 --optimizer sgd --lr 8:10 --weight-decay 10 --momentum 0 --epochs 9"
    done = here(main, tmp_path, *words.split())
    assert done.returncode == 0, done.stderr
    assert "0 complete, 0 pruned, 3 diverged" in done.stdout
    assert "no trial is complete, so there is no winner" in done.stdout
    runs = trial_runs(tmp_path, "digits-softmax")
    assert {run.metrics["objective"] for run in runs} == {29 / 288}, "the commonest class"
    assert all(run.metrics["diverged_step"] > 0 for run in runs)


def test_a_default_that_nothing_beats_is_the_winner_and_all_say_so(tmp_path):
    """Learning rates of a thousandth of the default's hardly train. The study grows, and stays without a better one."""
    words = [*TINY[:-1], "1", "--lr", "1e-6:2e-6", "--batch-size", "64", "--trials"]
    champions = []
    for trials, reranked in (("2", 9), ("5", 9 + 4 * 3)):
        done = here(main, tmp_path, *words, trials)
        assert done.returncode == 0, done.stderr
        assert "Use the default, lr = 0.001: " in " ".join(done.stdout.split())
        assert "The search found nothing that is better for sure" in " ".join(done.stdout.split())
        tracker = Tracker(store_of(tmp_path), "digits-softmax")
        runs = tracker.runs()
        assert len(in_phase(runs, "rerank")) <= reranked, "the default and earlier candidates are not trained again"
        version = tracker.client.get_model_version_by_alias("digits-softmax", "champion")
        (champion,) = [run for run in runs if run.run_id == version.run_id]
        assert (champion.phase, champion.params["lr"], champion.params["seed"]) == ("confirm", "0.001", "1000")
        assert version.description.startswith("Use the default, lr = 0.001")
        assert tracker.tags()["mlflow.note.content"].startswith("**Use the default, lr = 0.001")
        champions.append(champion.run_id)
    finalists = json.loads(tracker.tags()[FINALISTS])
    assert list(finalists) == ["winner", "runner-up"]
    assert finalists["winner"]["lr"] == 0.001
    assert here(main, tmp_path, *words, "5", "--confirm-seeds", "0").returncode == 0
    assert (
        tracker.client.get_model_version_by_alias("digits-softmax", "champion").run_id == champions[0] == champions[1]
    )
    assert "nothing to compare" in here(ablate, tmp_path).stdout
    assert here(report, tmp_path, "--folder", str(tmp_path)).returncode == 0
    text = (tmp_path / "digits-softmax" / "README.md").read_text()
    assert "- The default was not beaten: the best candidate was" in text
    assert "Use the default." in text


def test_pictures_in_a_folder_can_be_studied_whatever_their_proportions(tmp_path):
    write_pictures(tmp_path / "my pets", count=20, size=(24, 16))
    words = ["--model", "mlp", "--image-size", "6:12", "--trials", "4", "--confirm-seeds", "1", "--epochs", "1"]
    place = ["--data-dir", str(tmp_path / "data")]
    done = here(main, tmp_path, "--dataset", f"folder:{tmp_path}/my pets", *words, *place)
    assert done.returncode == 0, done.stderr
    runs = trial_runs(tmp_path, "my-pets-mlp")
    assert len({run.params["image_size"] for run in in_phase(runs, "explore", "search")}) > 1
    assert all("test/accuracy" in run.metrics for run in in_phase(runs, "confirm"))
    picture = next((tmp_path / "my pets" / "cat").iterdir())
    assert " cat " in here(predict, tmp_path, str(picture)).stdout
    grid = here(predict, tmp_path, "--grid", "4", "--out", str(tmp_path / "grid.png"), *place)
    assert "of 4 right" in grid.stdout, grid.stderr


def test_a_seed_at_the_top_of_its_range_is_confirmed_over_seeds_within_it(tmp_path):
    _, most = HYPERPARAMETERS["seed"].accepted
    words = [*TINY[:-1], "2", "--trials", "2", "--seed", str(most)]
    done = here(main, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    runs = trial_runs(tmp_path, "digits-softmax")
    seeds = {int(run.params["seed"]) for run in in_phase(runs, "confirm")}
    assert len(seeds) == 2
    assert all(0 <= seed < most for seed in seeds)
    assert {run.params["seed"] for run in in_phase(runs, "explore", "search")} == {str(most)}
