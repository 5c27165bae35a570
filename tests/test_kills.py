"""Kills at moments that leave the most behind: what the next start finds, and clears away."""

import signal
import subprocess
import sys

import mlflow
import numpy as np
import psutil
import pytest

from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, python, store_of, trial_runs, wait_for

DEADLY = """
import os
import signal
from pathlib import Path

import torch
from torch import nn

import hyperstudy as hs

alive = Path("killed")


class Net(nn.Sequential):
    def forward(self, images):
        if torch.compiler.is_exporting() and not alive.exists():
            alive.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


def net(shape, classes, activation):
    return Net(nn.Flatten(), nn.Linear(shape[1] * shape[2], classes))


hs.MODELS["net"] = hs.Family(net)
"""
WORDS = ("-m", "study.run", "--from", "deadly.py", "--model", "net", "--trials", "2", "--epochs", "1")
FEW = ("--confirm-seeds", "1", "--workers", "1")


def test_a_study_that_is_killed_while_its_winner_is_registered_ends_with_one_champion(tmp_path):
    (tmp_path / "deadly.py").write_text(DEADLY)
    (temporary := tmp_path / "t").mkdir()
    killed = python(*WORDS, *FEW, cwd=tmp_path, TMPDIR=str(temporary))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(temporary.rglob("*.npy"))
    ends = {run.run_id: (run.status, run.end_ms) for run in trial_runs(tmp_path, "digits-net")}
    assert {status for status, _ in ends.values()} == {"FINISHED"}
    done = python(*WORDS, *FEW, cwd=tmp_path, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert {run.run_id: (run.status, run.end_ms) for run in trial_runs(tmp_path, "digits-net")} == ends
    assert list(temporary.iterdir()) == []
    client = Tracker(store_of(tmp_path), "digits-net").client
    (version,) = client.search_model_versions("")
    assert client.get_model_version_by_alias("digits-net", "champion").version == version.version
    assert len(list((tmp_path / "mlruns" / "artifacts").rglob("MLmodel"))) == 1
    mlflow.set_tracking_uri(store_of(tmp_path))
    model = mlflow.pyfunc.load_model("models:/digits-net@champion")
    assert model.predict(np.zeros((3, 1, 8, 8), dtype=np.uint8)).shape == (3, 10)


@pytest.mark.parametrize("command", ["reports.findings", "study.predict"])
def test_an_interrupt_while_a_command_imports_its_libraries_is_no_traceback(command, tmp_path):
    words = [sys.executable, "-m", command]
    with subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: "site-packages" in " ".join(file.path for file in psutil.Process(process.pid).memory_maps()))
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode in (130, -signal.SIGINT)
