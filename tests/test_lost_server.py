"""An MLflow server that goes away in the middle of a study, and comes back."""

import subprocess
import sys
import time
from collections import Counter

from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import environment, wait_for
from tests.servers import Server

AWAY_SECONDS = 12
WORDS = ["-m", "study.run", "--model", "mlp", "--epochs", "40", "--trials", "8", "--confirm-seeds", "0"]


def finished(url):
    """The runs that have ended."""
    tracker = Tracker(url, "digits-mlp")
    return [run for run in tracker.runs() if run.state] if tracker.experiment_id else []


def test_a_study_waits_for_its_server_says_so_and_loses_nothing(tmp_path):
    with Server(tmp_path) as server:
        words = [sys.executable, *WORDS, "--workers", "2", "--tracking-uri", server.url]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(words, cwd=tmp_path, env=environment(), **streams) as driver:
            wait_for(lambda: finished(server.url))
            server.end()
            time.sleep(AWAY_SECONDS)
            server.start()
            output, _ = driver.communicate(timeout=300)
        assert driver.returncode == 0, output
        assert "the store does not answer; waiting for it" in output
        runs = [run for run in Tracker(server.url, "digits-mlp").runs() if run.phase != "report"]
    assert Counter(run.status for run in runs) == {"FINISHED": 8}
    assert {run.tags["trial"] for run in runs} == set(map(str, range(8)))
    assert all("val/accuracy" in run.metrics for run in runs)
