"""Studies that are killed, stopped, started twice or side by side: each ends as one that was left alone."""

import json
import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.run import main
from hyperstudy.study.search.design import explore_design
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, here, in_phase, numbers, python, store_of, trial_runs, wait_for

RUN = [sys.executable, "-m", "study.run"]
LONG = ["--model", "mlp", "--batch-size", "32", "--epochs", "40", "--workers", "2"]  # trials of a second
LONG_STUDY = "digits-mlp"
TINY = ["--model", "softmax", "--epochs", "1", "--workers", "1", "--confirm-seeds", "0"]


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


def test_a_store_that_is_removed_while_the_study_runs_is_an_error(tmp_path):
    driver = started(tmp_path, "--trials", "4", "--confirm-seeds", "0", *LONG)
    wait_for(lambda: finished_lines(tmp_path) >= 1)
    for file in (tmp_path / "mlruns").glob("mlflow.db*"):
        file.unlink()
    assert driver.wait() == 2
    assert "was removed while the study ran" in output_of(tmp_path)
    assert "Traceback" not in output_of(tmp_path)
