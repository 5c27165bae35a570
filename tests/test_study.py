"""The whole way, as a user goes it: what a finished study leaves, and what an interrupted one does."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest

from study.core.plan import make_plan
from study.search.design import SearchQueue, explore_design
from study.search.storage import open_storage
from study.tracking.tracker import Tracker
from tests.conftest import environment, python

RUN = [sys.executable, "-m", "study.run"]
LONG = ["--epochs", "40", "--workers", "2"]  # a fast machine is still in mid-trial when a test looks


def runs_of(folder, study="digits-cnn"):
    return trial_runs(Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", study))


def trial_runs(tracker):
    """All runs but the one that carries the report."""
    return [run for run in tracker.runs() if run.tags["phase"] != "report"]


def optuna_study(folder, study="digits-cnn"):
    """The study's queue, for looking at."""
    queue = SearchQueue(
        open_storage(f"sqlite:///{folder}/mlruns/optuna.db"), study, make_plan("digits", "cnn", {}), "tpe", "median"
    )
    queue.want(queue.study.user_attrs["targets"][-1])
    return queue


def in_phase(runs, *phases):
    return [run for run in runs if run.tags["phase"] in phases]


def test_every_trial_is_a_flat_run_with_its_params_metrics_and_tags(finished_study):
    runs = runs_of(finished_study)
    phases = Counter(run.tags["phase"] for run in runs)
    assert phases == {"explore": 4, "search": 2, "confirm": 6}
    for run in runs:
        assert run.status == "FINISHED"
        assert run.tags["state"] in ("complete", "pruned", "diverged")
        assert "mlflow.parentRunId" not in run.tags
        assert {"lr", "batch_size", "depth", "activation", "epochs", "seed", "dataset", "model"} <= set(run.params)
        assert {"train/loss", "val/accuracy", "time/train_seconds", "objective", "best_epoch", "parameters"} <= set(
            run.metrics
        )
        assert ("test/accuracy" in run.metrics) == (run.tags["phase"] == "confirm")
        assert json.loads(run.tags["versions"])["torch"]


def test_the_last_lines_tell_the_result_the_split_the_link_and_the_report(finished_study):
    output = (finished_study / "output.txt").read_text()
    for part in ("winner", "default", "over 2 paired seeds", "tracking", "driving", "compareRunsMode=CHART"):
        assert part in output
    assert "python -m reports.findings --study digits-cnn" in output
    assert output.count("complete val/accuracy") + output.count("pruned val/accuracy") == 12


def test_the_artifacts_are_config_history_weights_and_pictures(finished_study, tmp_path):
    tracker = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn")
    for run in trial_runs(tracker):
        names = {file.path for file in tracker.client.list_artifacts(run.run_id)}
        assert {"config.json", "history.csv", "weights.safetensors"} <= names
        confirmed = {"confusion_matrix.csv", "confusion_matrix.png", "learning_curves.png"}
        assert (confirmed <= names) == (run.tags["phase"] == "confirm")
    with tracker.download(run.run_id, "history.csv", tmp_path).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["val_accuracy"]) == run.metrics["val/accuracy"]


def test_every_run_names_its_data_and_only_confirmation_the_test_set(finished_study):
    tracker = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn")
    for run in trial_runs(tracker):
        inputs = tracker.client.get_run(run.run_id).inputs.dataset_inputs
        contexts = sorted(tag.value for entry in inputs for tag in entry.tags)
        assert contexts == (["testing", "training"] if run.tags["phase"] == "confirm" else ["training"])
        assert all(len(entry.dataset.digest) == 16 for entry in inputs)


def test_the_experiment_s_note_tells_space_command_versions_and_commit(finished_study):
    tags = Tracker(f"sqlite:///{finished_study}/mlruns/mlflow.db", "digits-cnn").tags()
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


def test_the_champion_predicts_in_a_process_that_knows_nothing_of_this_project(finished_study, tmp_path):
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
    before = [(run.run_id, run.metrics) for run in runs_of(finished_study)]
    words = "-m study.run --trials 6 --epochs 2 --confirm-seeds 2 --workers 2"
    done = python(*words.split(), cwd=finished_study)
    assert done.returncode == 0
    assert [(run.run_id, run.metrics) for run in runs_of(finished_study)] == before


def test_the_same_name_with_other_settings_is_refused_with_the_differences(finished_study):
    words = "-m study.run --trials 6 --epochs 3 --confirm-seeds 2 --lr 1e-4:1e-2"
    done = python(*words.split(), cwd=finished_study)
    assert done.returncode == 2
    assert "lr 1e-05:0.1 searched (now 0.0001:0.01 searched); epochs 2 (now 3)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(runs_of(finished_study)) == 12


def test_the_same_seed_gives_the_same_trials_and_metrics_bit_for_bit(tmp_path):
    words = "--trials 9 --epochs 3 --confirm-seeds 1 --workers 1"

    def numbers(folder):
        folder.mkdir()
        done = python("-m", "study.run", *words.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
        return [
            (run.name, run.params, {n: v for n, v in run.metrics.items() if "second" not in n}, run.tags["state"])
            for run in runs_of(folder)
        ]

    first = numbers(tmp_path / "first")
    assert numbers(tmp_path / "second") == first
    assert len(first) == 12
    assert len({run[2]["val/loss"] for run in first}) > 6


def started(folder, *words):
    """A study in progress, its output in a file."""
    output = (folder / "output.txt").open("a")
    return subprocess.Popen([*RUN, *words], cwd=folder, env=environment(), stdout=output, stderr=output)


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.05)


def finished_lines(folder):
    return (folder / "output.txt").read_text().count("] explore") + (folder / "output.txt").read_text().count(
        "] search"
    )


def check_whole(folder, trials, seeds):
    """Exactly so many finished trials in both stores, the design complete, nothing left open."""
    runs = runs_of(folder)
    finished = [run for run in runs if run.status == "FINISHED"]
    searched = in_phase(finished, "explore", "search")
    assert sorted(int(run.tags["trial"]) for run in searched) == list(range(trials))
    assert {run.status for run in runs} <= {"FINISHED", "KILLED"}
    assert all(run.tags["state"] == "interrupted" for run in runs if run.status == "KILLED")
    queue = optuna_study(folder)
    assert queue.finished() == trials
    assert queue.settled()
    explored = sorted(in_phase(finished, "explore"), key=lambda run: int(run.tags["trial"]))
    design = explore_design(queue.plan.space, len(explored), 0)
    assert [float(run.params["lr"]) for run in explored] == [point["lr"] for point in design]
    assert len(in_phase(finished, "confirm")) == 3 * seeds
    return runs


@pytest.mark.parametrize("after", [1, 7], ids=["early", "late"])
def test_a_study_whose_driver_is_killed_goes_on_to_exactly_its_number_of_trials(after, tmp_path):
    words = ["--trials", "10", "--confirm-seeds", "1", *LONG]
    driver = started(tmp_path, *words)
    wait_for(lambda: finished_lines(tmp_path) >= after)
    workers = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    wait_for(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers), 20)
    assert any(run.status == "RUNNING" for run in runs_of(tmp_path)), "the kill came in mid-trial"
    finished = {run.run_id: run.metrics for run in runs_of(tmp_path) if run.status == "FINISHED"}
    assert started(tmp_path, *words).wait() == 0
    runs = check_whole(tmp_path, 10, 1)
    assert any(run.status == "KILLED" for run in runs)
    assert {run.run_id: run.metrics for run in runs if run.run_id in finished} == finished, (
        "nothing finished was touched"
    )


def test_a_study_whose_workers_are_killed_tries_their_trials_again(tmp_path):
    driver = started(tmp_path, "--trials", "8", "--confirm-seeds", "1", *LONG)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    while "interrupted" not in (tmp_path / "output.txt").read_text():  # they may just have been idle
        for server in psutil.Process(driver.pid).children():
            for worker in server.children():
                worker.kill()
        time.sleep(1)
    assert driver.wait() == 0
    killed = [run for run in check_whole(tmp_path, 8, 1) if run.status == "KILLED"]
    assert {run.tags["error"] for run in killed} == {"worker ended with -9"}


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_study_closes_what_it_had_begun_and_goes_on(request_to_stop, tmp_path):
    words = ["--trials", "8", "--confirm-seeds", "0", *LONG]
    driver = started(tmp_path, *words)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    driver.send_signal(request_to_stop)
    assert driver.wait() == 130
    output = (tmp_path / "output.txt").read_text()
    assert "the same command goes on from here" in output
    assert "Traceback" not in output
    assert "RUNNING" not in {run.status for run in runs_of(tmp_path)}
    assert started(tmp_path, *words).wait() == 0
    check_whole(tmp_path, 8, 0)


def test_a_trial_that_finished_but_was_not_told_is_not_repeated(finished_study, tmp_path):
    """The driver died between closing the run and telling the sampler."""
    from study.outputs.names import COMPLETE
    from study.search.trials import OWNER
    from study.studies.driver import NUMBER, QUEUE, reap
    from tests.test_queue import dead_process
    from tests.test_search import make_queue

    queue, tracker = make_queue(tmp_path, 3), Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create()
    claims = [queue.claim(), queue.claim()]
    ids = []
    for claim in claims:
        tags = {"phase": claim.phase, "trial": claim.slot, NUMBER: claim.number, QUEUE: queue.name}
        ids.append(tracker.start("run", {"lr": claim.config.lr}, tags, []))
        queue.storage.set_trial_user_attr(claim.trial_id, OWNER, dead_process())
    tracker.log(ids[0], {"objective": 0.875}, 0)
    tracker.close(ids[0], COMPLETE, "FINISHED")
    reap(queue, tracker)
    trials = queue.study.trials
    assert (trials[0].state.name, trials[0].value) == ("COMPLETE", 0.875)
    assert [trial.state.name for trial in trials[1:]] == ["FAIL", "WAITING"]
    assert [run.status for run in tracker.runs()] == ["FINISHED", "KILLED"]
    assert queue.claim().config == claims[1].config


def test_a_study_grows_when_it_is_asked_for_more_trials(tmp_path):
    for trials in (4, 7):
        words = f"-m study.run --model mlp --trials {trials} --epochs 1 --confirm-seeds 0"
        assert python(*words.split(), cwd=tmp_path).returncode == 0
    runs = runs_of(tmp_path, "digits-mlp")
    assert sorted(int(run.tags["trial"]) for run in runs) == list(range(7))
    done = python(*["-m", "study.run", "--model", "mlp", "--trials", "5", "--epochs", "1"], cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "already has 7 trials, and can only grow; got 5" in done.stderr


def test_a_study_in_which_every_trial_diverges_ends_without_a_winner(tmp_path):
    words = "--model softmax --trials 3 --optimizer sgd --lr 8:10 --weight-decay 10 --momentum 0 --epochs 9"
    done = python("-m", "study.run", *words.split(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "0 complete, 0 pruned, 3 diverged" in done.stdout
    assert "no trial is complete, so there is no winner" in done.stdout
    runs = runs_of(tmp_path, "digits-softmax")
    assert {run.metrics["objective"] for run in runs} == {29 / 288}, "the commonest class"
    assert all(run.metrics["diverged_step"] > 0 for run in runs)


def test_pictures_of_one_s_own_can_be_studied(tmp_path):
    from tests.test_datasets import write_pictures

    write_pictures(tmp_path / "my pets", count=20, size=(24, 24))
    words = [
        "--dataset",
        "folder:my pets",
        "--model",
        "mlp",
        "--image-size",
        "6:12",
        "--trials",
        "4",
        "--confirm-seeds",
        "1",
    ]
    done = python("-m", "study.run", *words, "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    runs = runs_of(tmp_path, "my-pets-mlp")
    assert len({run.params["image_size"] for run in in_phase(runs, "explore", "search")}) > 1


def test_a_store_that_is_removed_while_the_study_runs_is_told(tmp_path):
    driver = started(tmp_path, "--trials", "4", "--confirm-seeds", "0", *LONG)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    for file in (tmp_path / "mlruns").glob("optuna.db*"):
        file.unlink()
    assert driver.wait() == 2
    assert "was removed while the study ran" in (tmp_path / "output.txt").read_text()
