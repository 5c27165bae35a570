"""The whole way, as a user goes it: what a finished study leaves, and what an interrupted one does."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter

import psutil
import pytest

from hyperstudy.reports.findings import main as report
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.core.config import HYPERPARAMETERS
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.predict import main as predict
from hyperstudy.study.run import main
from hyperstudy.study.search.design import explore_design
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, here, in_phase, numbers, python, store_of, trial_runs, wait_for
from tests.datafiles import write_pictures

RUN = [sys.executable, "-m", "study.run"]
LONG = ["--model", "mlp", "--batch-size", "32", "--epochs", "40", "--workers", "2"]  # trials of a second
LONG_STUDY = "digits-mlp"
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


def leftovers(folder):
    """SQLite's files beside the store, which this process must not have opened."""
    return [path.name for path in (folder / "mlruns").glob("mlflow.db?*")]


ONE_WORKER = ["--model", "mlp", "--trials", "9", "--epochs", "3", "--confirm-seeds", "1", "--workers", "1"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    done = python("-m", "study.run", *ONE_WORKER, cwd=folder)
    assert done.returncode == 0, done.stderr
    found = numbers(folder, "digits-mlp")
    assert len(found) == 9 + 11 + 3
    assert len({metrics["val/loss"] for _, _, metrics, _ in found}) > 6
    return found


def test_the_same_seed_gives_the_same_trials_and_metrics_bit_for_bit(uninterrupted, tmp_path):
    assert here(main, tmp_path, *ONE_WORKER).returncode == 0
    assert numbers(tmp_path, "digits-mlp") == uninterrupted


def test_a_study_that_was_killed_and_resumed_equals_an_uninterrupted_one(uninterrupted, tmp_path):
    """While it searches, when both designed and searched trials are read back, and in both rounds of re-ranking."""
    for phases, lines in ((("explore", "search"), 8), (("candidate", "default"), 2), (("candidate", "default"), 7)):
        driver = started(tmp_path, *ONE_WORKER)
        wait_for(lambda phases=phases, lines=lines: finished_lines(tmp_path, phases) >= lines)
        driver.kill()
        driver.wait()
    assert started(tmp_path, *ONE_WORKER).wait() == 0
    assert leftovers(tmp_path) == [], "a copy of the file is a copy of the study"
    assert numbers(tmp_path, "digits-mlp") == uninterrupted


def started(folder, *words):
    """A study in progress, its output in a file."""
    with (folder / "output.txt").open("a") as output:
        return subprocess.Popen([*RUN, *words], cwd=folder, env=environment(), stdout=output, stderr=output)


def output_of(folder):
    file = folder / "output.txt"
    return file.read_text() if file.exists() else ""


def finished_lines(folder, names=("explore", "search")):
    return sum(output_of(folder).count(f"] {name}") for name in names)


def workers_of(driver):
    children = psutil.Process(driver.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def check_whole(folder, trials, seeds):
    """Exactly so many finished trials, the design complete, nothing left open."""
    runs = trial_runs(folder, LONG_STUDY)
    finished = [run for run in runs if run.status == "FINISHED"]
    searched = in_phase(finished, "explore", "search")
    assert sorted(int(run.tags["trial"]) for run in searched) == list(range(trials))
    assert {run.status for run in runs} <= {"FINISHED", "KILLED"}
    assert all(run.state == ("interrupted" if run.status == "KILLED" else run.state) != "" for run in runs)
    explored = sorted(in_phase(finished, "explore"), key=lambda run: int(run.tags["trial"]))
    design = explore_design(make_plan("digits", "mlp", {"batch_size": "32"}).space, len(explored), 0)
    assert [float(run.params["lr"]) for run in explored] == [point["lr"] for point in design]
    finalists = json.loads(Tracker(store_of(folder), LONG_STUDY).tags()[FINALISTS]) if seeds else {}
    for phase, count in (("rerank", 11 if seeds else 0), ("confirm", len(finalists) * seeds)):
        trained = [(run.params["lr"], run.params["seed"]) for run in in_phase(finished, phase)]
        assert len(set(trained)) == len(trained) == count
    return runs


def test_a_study_whose_driver_is_killed_goes_on_to_exactly_its_number_of_trials(tmp_path):
    """Early, while it explores, and late, while it searches."""
    words = ["--trials", "8", "--confirm-seeds", "1", *LONG]
    finished = {}
    for kills, lines in enumerate([1, 6], start=1):
        driver = started(tmp_path, *words)
        wait_for(lambda lines=lines: finished_lines(tmp_path) >= lines)
        workers = workers_of(driver)
        driver.kill()
        driver.wait()
        wait_for(lambda workers=workers: not any(map(is_alive, workers)), 20)
        runs = trial_runs(tmp_path, LONG_STUDY)
        assert any(run.status == "RUNNING" for run in runs), "the kill came in mid-trial"
        finished |= {run.run_id: run for run in runs if run.status == "FINISHED"}
        assert any(run.status == "KILLED" for run in runs) == (kills > 1)
    assert here(main, tmp_path, *words).returncode == 0
    runs = check_whole(tmp_path, 8, 1)
    assert {run.run_id: run for run in runs if run.run_id in finished} == finished, "nothing finished was touched"


def test_a_study_whose_workers_are_killed_tries_their_trials_again(tmp_path):
    driver = started(tmp_path, "--trials", "6", "--confirm-seeds", "0", *LONG)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    for worker in workers_of(driver):
        worker.kill()
    wait_for(lambda: "interrupted" in output_of(tmp_path))
    assert driver.wait() == 0
    killed = [run for run in check_whole(tmp_path, 6, 0) if run.status == "KILLED"]
    assert {run.tags["error"] for run in killed} == {"its worker died: process ended with -9"}


def test_a_stopped_study_closes_its_runs_and_goes_on(tmp_path):
    words = ["--trials", "8", "--confirm-seeds", "0", *LONG]
    for request_to_stop, lines in ((signal.SIGINT, 1), (signal.SIGTERM, 4)):
        driver = started(tmp_path, *words)
        wait_for(lambda lines=lines: finished_lines(tmp_path) >= lines)
        driver.send_signal(request_to_stop)
        assert driver.wait() == 130
        assert "the same command goes on from here" in output_of(tmp_path).splitlines()[-1]
        assert "RUNNING" not in {run.status for run in trial_runs(tmp_path, LONG_STUDY)}
    assert here(main, tmp_path, *words).returncode == 0
    assert "Traceback" not in output_of(tmp_path)
    check_whole(tmp_path, 8, 0)


@pytest.mark.parametrize("moment", ["as it starts", "when its workers start"])
def test_an_interrupt_while_it_starts_leaves_neither_a_traceback_nor_a_store(moment, tmp_path):
    """Ctrl-C reaches the whole group of processes."""
    words = {"cwd": tmp_path, "env": environment(), "start_new_session": True, "text": True}
    driver = subprocess.Popen(RUN, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **words)
    if moment == "when its workers start":
        wait_for(lambda: workers_of(driver))
    else:
        wait_for(lambda: "torch" in " ".join(file.path for file in psutil.Process(driver.pid).memory_maps()))
    os.killpg(driver.pid, signal.SIGINT)
    printed = "".join(driver.communicate(timeout=60))
    assert driver.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in printed
    assert not list(tmp_path.iterdir())


def test_a_second_driver_of_a_study_gets_one_line_and_does_not_disturb_the_first(tmp_path):
    words = ["--trials", "6", "--confirm-seeds", "0", *LONG]
    first = started(tmp_path, *words)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    second = here(main, tmp_path, *words)
    assert (second.returncode, second.stdout) == (2, "")
    by = f"driven by process {first.pid} on {socket.gethostname()} since "
    assert second.stderr.startswith(f"study.run: study 'digits-mlp' is {by}")
    assert second.stderr.endswith(": when that one has ended, the same command goes on\n")
    assert second.stderr.count("\n") == 1
    assert first.wait() == 0
    runs = check_whole(tmp_path, 6, 0)
    assert {run.status for run in runs} == {"FINISHED"}


def test_two_studies_in_a_fresh_store_run_side_by_side(tmp_path):
    names = ("one", "two")
    drivers = [started(tmp_path, *TINY, "--trials", "6", "--study", name) for name in names]
    assert [driver.wait() for driver in drivers] == [0, 0], output_of(tmp_path)
    for name in names:
        runs = trial_runs(tmp_path, name)
        assert sorted(int(run.tags["trial"]) for run in runs) == list(range(6))


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


def test_a_store_that_is_removed_while_the_study_runs_is_an_error(tmp_path):
    driver = started(tmp_path, "--trials", "4", "--confirm-seeds", "0", *LONG)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    for file in (tmp_path / "mlruns").glob("mlflow.db*"):
        file.unlink()
    assert driver.wait() == 2
    assert "was removed while the study ran" in output_of(tmp_path)
    assert "Traceback" not in output_of(tmp_path)
