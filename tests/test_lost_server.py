"""A store that goes away in the middle of a study and comes back: an MLflow server, and PostgreSQL behind it."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.tracking.tracker import Run, Tracker
from tests.conftest import environment, wait_for
from tests.servers import Postgres, Server

AWAY_SECONDS = 6  # longer than a command waits in silence
OFTEN = {"MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}  # seconds, doubled from try to try; twice as often as by default
WORDS = ["-m", "study.run", "--model", "mlp", "--epochs", "40", "--trials", "8", "--confirm-seeds", "0"]


def runs_in(url: str) -> list[Run]:
    tracker = Tracker(url, "digits-mlp")
    return tracker.runs() if tracker.experiment_id else []


def driven(folder: Path, url: str, disturb: Callable[[], None]) -> str:
    """What a study prints whose store is disturbed after its first trial. It must end well, with exactly its trials."""
    words = [sys.executable, *WORDS, "--workers", "2", "--tracking-uri", url]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(words, cwd=folder, env={**environment(), **OFTEN}, **streams) as driver:
        wait_for(lambda: any(run.state for run in runs_in(url)))
        disturb()
        output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, output
    runs = runs_in(url)
    assert Counter(run.status for run in runs) == {"FINISHED": 8}
    assert {run.tags["trial"] for run in runs} == set(map(str, range(8)))
    assert all("val/accuracy" in run.metrics for run in runs)
    return output


def test_a_study_waits_for_its_server_says_so_and_loses_nothing(tmp_path):
    def disturb():
        server.end()
        time.sleep(AWAY_SECONDS)
        server.start()

    with Server(tmp_path) as server:
        assert "the store does not answer; waiting for it" in driven(tmp_path, server.url, disturb)


def test_a_file_that_a_server_has_lost_is_no_failure_of_the_server(tmp_path):
    with Server(tmp_path) as server:
        tracker = Tracker(server.url, "study")
        tracker.create()
        run_id = tracker.start("run", {}, {"phase": "confirm"}, [])
        tracker.finish(run_id, "complete", {}, {"kept.txt": b"text"})
        with pytest.raises(InputError, match=r"has no file 'lost.txt' any more"):
            tracker.download(run_id, "lost.txt", tmp_path)
        assert tracker.download(run_id, "kept.txt", tmp_path).read_text() == "text"
        assert [run.state for run in tracker.runs()] == ["complete"]


def test_a_restart_of_the_database_behind_the_server_costs_nothing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    with Postgres(tmp_path_factory.mktemp("postgres")) as postgres, Server(folder, postgres.url) as server:
        driven(folder, server.url, postgres.restart)
