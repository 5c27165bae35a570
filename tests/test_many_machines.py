"""A study on a Ray cluster of several nodes, the whole way: the same trials as on one machine, whatever leaves."""

import signal
import subprocess
import sys
from collections import Counter

import pytest

from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.recipes import main as recipes
from hyperstudy.study.run import main
from tests.clusters import add_node, ray_cluster
from tests.conftest import environment, here, in_phase, trial_runs, wait_for

SHORT = ["--model", "mlp", "--epochs", "2", "--trials", "6", "--confirm-seeds", "0"]
LONG = ["--model", "mlp", "--batch-size", "32", "--epochs", "60", "--trials", "6", "--confirm-seeds", "0"]
STUDY = "digits-mlp"


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster(2) as cluster:
        yield cluster


def metrics(folder, *phases):
    """What the trials of a study measured, without times, by trial."""
    return {
        run.tags["trial"]: {name: value for name, value in run.metrics.items() if "second" not in name}
        for run in in_phase(trial_runs(folder, STUDY), *phases)
    }


def test_the_designed_trials_are_those_of_one_machine(cluster, tmp_path):
    done = {}
    for name, words in (("there", ["--cluster", cluster.address]), ("here", ["--workers", "1"])):
        (tmp_path / name).mkdir()
        done[name] = here(main, tmp_path / name, *SHORT, *words)
        assert done[name].returncode == 0, done[name].stderr
    there, expected = (metrics(tmp_path / name, "explore") for name in ("there", "here"))
    assert len(expected) == 4
    assert there == expected
    runs = trial_runs(tmp_path / "there", STUDY)
    assert len(runs) == 6
    assert {run.status for run in runs} == {"FINISHED"}
    assert all(run.tags["host"] and run.tags["hardware"] for run in runs)
    assert all(0 <= float(run.tags["queue_seconds"]) < 60 for run in runs)
    assert "2 workers" in done["there"].stdout


def test_a_machine_that_leaves_costs_its_trial_which_another_repeats(cluster, tmp_path):
    node = add_node(cluster)
    words = ["-m", "study.run", *LONG, "--cluster", cluster.address]
    with subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as driver:
        try:
            output = [driver.stdout.readline() for _ in range(2)]
            wait_for(lambda: sum(run.status == "RUNNING" for run in started(tmp_path)) == 3, 90)
        finally:
            cluster.remove_node(node)
        output += driver.stdout.readlines()
    assert driver.returncode == 0, "".join(output)
    runs = trial_runs(tmp_path, STUDY)
    assert Counter(run.status for run in runs) == {"FINISHED": 6, "KILLED": 1}
    assert {run.tags["trial"] for run in runs if run.status == "FINISHED"} == set(map(str, range(6)))
    (lost,) = (run for run in runs if run.status == "KILLED")
    assert lost.tags["error"].endswith("left the cluster")


def started(folder):
    return trial_runs(folder, STUDY) if (folder / "mlruns" / "mlflow.db").exists() else []


@pytest.mark.parametrize("command", [main, ablate, recipes])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--cluster 127.0.0.1", "cluster must be auto, or HEAD:PORT as ray start prints it; got '127.0.0.1'"),
        ("--gpus-per-trial 0.5", "--gpus-per-trial needs --cluster; got 0.5 without it"),
        ("--cluster auto --cpus-per-trial 0", "cpus-per-trial must be a number above 0, and whole above 1; got '0'"),
        ("--cluster auto --device cpu", "--device is for this machine, and --gpus-per-trial for a cluster; got 'cpu'"),
    ],
)
def test_options_that_mean_nothing_are_one_line(command, words, message, tmp_path):
    done = here(command, tmp_path, *words.split())
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cluster", "127.0.0.1:9"], "cluster '127.0.0.1:9' cannot be reached: "),
        (["--cluster", "ADDRESS", "--cpus-per-trial", "2"], "no machine of the cluster has room for a trial"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_line_and_writes_nothing(cluster, words, message, tmp_path):
    done = here(main, tmp_path, *SHORT, *(cluster.address if word == "ADDRESS" else word for word in words))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_study_whose_driver_ends_goes_on_with_the_same_command(cluster, number, tmp_path):
    words = [*LONG, "--cluster", cluster.address]
    command = [sys.executable, "-m", "study.run", *words]
    with subprocess.Popen(command, cwd=tmp_path, env=environment()) as driver:
        wait_for(lambda: sum(run.status == "RUNNING" for run in started(tmp_path)) == 2, 90)
        driver.send_signal(number)
    assert driver.returncode == (130 if number == signal.SIGINT else -number)
    done = here(main, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    runs = trial_runs(tmp_path, STUDY)
    assert Counter(run.status for run in runs) == {"FINISHED": 6, "KILLED": 2}
    assert {run.tags["trial"] for run in runs if run.status == "FINISHED"} == set(map(str, range(6)))
