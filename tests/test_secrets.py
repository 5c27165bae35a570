"""A password in a store's URL: whoever reads what was written, printed or started does not learn it."""

import os
import subprocess
import sys
from pathlib import Path

import optuna
import psutil
import pytest

from hyperstudy.reports.compare import main as compare
from hyperstudy.reports.findings import main as findings
from hyperstudy.study.ablate import main as ablate
from hyperstudy.study.export import main as export
from hyperstudy.study.predict import main as predict
from hyperstudy.study.recipes import main as recipes
from hyperstudy.study.run import main as run
from hyperstudy.study.ui import main as ui
from tests.conftest import copy_study, environment
from tests.reports.others import loss, optimized
from tests.servers import Server

SECRET = "s3cr3t-pw"
AWAY = (
    f"postgresql+psycopg://me:{SECRET}@127.0.0.1:9/x",
    f"mysql+nothing://me:{SECRET}@127.0.0.1:9/x",
    f"http://me:{SECRET}@127.0.0.1:9",
    f"https://{SECRET}@127.0.0.1:9/x",
    f"sqlite:////dev/null/mlflow.db?access-token={SECRET}",
    f"postgresql+psycopg:///x?host=/nowhere&password={SECRET}",
    f"no store?api_key={SECRET}",
)
COMMANDS = {
    "run": (run, ["--trials", "1"]),
    "recipes": (recipes, ["softmax-fashion"]),
    "ablate": (ablate, []),
    "predict": (predict, ["--grid", "1"]),
    "export": (export, ["--to", "sqlite:///optuna.db"]),
    "ui": (ui, []),
    "findings": (findings, []),
    "compare": (compare, ["a", "b"]),
}


def told(folder: Path) -> list[Path]:
    """The files that hold the password."""
    return [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("uri", AWAY)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_store_that_cannot_be_reached_is_named_without_it(name, uri, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    command, words = COMMANDS[name]
    assert command([*words, "--tracking-uri", uri]) == 2
    out, err = capfd.readouterr()
    assert err.count("\n") == 1
    assert SECRET not in out + err
    assert told(tmp_path) == []


@pytest.mark.parametrize("url", AWAY)
@pytest.mark.parametrize(("command", "option"), [(findings, "--optuna"), (export, "--to")])
def test_neither_is_an_optuna_storage(command, option, url, finished_study, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    words = [] if command is findings else ["--tracking-uri", f"sqlite:///{finished_study}/mlruns/mlflow.db"]
    assert command([*words, option, url]) == 2
    out, err = capfd.readouterr()
    assert err.count("\n") == 1
    assert SECRET not in out + err


def test_the_report_of_a_storage_does_not_hold_it(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    optimized("sqlite:///optuna.db", "theirs", loss, optuna.samplers.RandomSampler(seed=0), 12)
    assert findings(["--optuna", f"sqlite:///optuna.db?password={SECRET}", "--folder", "reports"]) == 0
    assert SECRET not in "".join(capfd.readouterr())
    assert told(tmp_path) == []
    assert "password=***" in (tmp_path / "reports" / "theirs" / "README.md").read_text().replace("\\*", "*")


@pytest.mark.filterwarnings("ignore:.*access-token")  # SQLAlchemy does not know it, which it says from 2.1 on
def test_nor_does_the_report_of_a_study(finished_study, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    copy_study(finished_study / "mlruns", tmp_path / "mlruns")
    uri = f"sqlite:///mlruns/mlflow.db?access-token={SECRET}"
    assert findings(["--tracking-uri", uri]) == 0
    assert SECRET not in "".join(capfd.readouterr())
    assert told(tmp_path) == []


SCRIPT = """
import os
import hyperstudy as hs
study = hs.run("mlp", trials=2, epochs=1, confirm_seeds=0, workers=1, tracking_uri=os.environ["WHERE"])
print(study, study.report())
"""


def test_a_study_on_a_server_keeps_it_to_itself(tmp_path):
    """In no file, not in the store, in no output, and on the command line of no process."""
    (folder := tmp_path / "mine").mkdir()
    with Server(tmp_path) as server:
        where = server.url.replace("://", f"://me:{SECRET}@")
        surroundings = {**environment(), "WHERE": where, "MLFLOW_TRACKING_PASSWORD": SECRET, "PGPASSWORD": SECRET}
        words, pipes = [sys.executable, "-c", SCRIPT], {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        lines = set()
        with subprocess.Popen(words, cwd=folder, env=surroundings, text=True, **pipes) as study:
            while study.poll() is None:
                lines |= {" ".join(command_line(process)) for process in psutil.Process(study.pid).children(True)}
            output = study.stdout.read()
    assert study.returncode == 0, output
    assert any("hyperstudy.process" in line for line in lines)
    assert any("multiprocessing" in line for line in lines)
    assert [line for line in lines if SECRET in line] == []
    assert SECRET not in output
    assert told(tmp_path) == []


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended
        return []


def test_a_driver_on_a_cluster_is_told_of_it_in_the_environment(tmp_path, monkeypatch, capfd):
    """Ray keeps the command line of every driver, and shows it to all."""
    monkeypatch.chdir(tmp_path)
    assert run(["--cluster", "127.0.0.1:9", "--tracking-uri", AWAY[0]]) == 2
    err = capfd.readouterr().err
    assert "a store with a password must be named in $MLFLOW_TRACKING_URI" in err
    assert SECRET not in err
    assert os.listdir(tmp_path) == []
