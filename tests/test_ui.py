"""`python -m study.ui`: the MLflow UI on a study's store."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from hyperstudy.study.ui import main
from tests.conftest import environment, python, wait_for


def test_the_ui_serves_the_study_behind_the_link_that_it_prints(finished_study):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [sys.executable, "-m", "study.ui", "--port", port]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(words, cwd=finished_study, env=environment(), start_new_session=True, **pipes) as server:
        try:
            base, _, path = server.stdout.readline().partition("/#/experiments/")
            assert base == f"http://127.0.0.1:{port}"
            wanted = f"{base}/ajax-api/2.0/mlflow/experiments/get?experiment_id={path.partition('/')[0]}"
            assert "digits-cnn" in answer(wanted)
        finally:
            os.killpg(server.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    wait_for(lambda: not is_open(int(port)), 20)


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def answer(url, patience=60):
    """What the server says once it is up."""
    for _ in range(patience):
        try:
            return urllib.request.urlopen(url, timeout=5).read().decode()
        except urllib.error.URLError:
            time.sleep(1)
    pytest.fail(f"no answer from {url}")


def test_an_unknown_study_is_one_line_with_those_that_there_are(finished_study, capsys):
    uri = f"sqlite:///{finished_study}/mlruns/mlflow.db"
    assert main(["--study", "digits-cmn", "--tracking-uri", uri]) == 2
    assert capsys.readouterr().err == (
        "study.ui: study must be one of 'digits-cnn'; got 'digits-cmn' (did you mean 'digits-cnn'?)\n"
    )


def test_the_environment_says_where_the_store_is_as_it_does_for_mlflow(tmp_path):
    done = python("-m", "study.ui", cwd=tmp_path, MLFLOW_TRACKING_URI="sqlite:///there.db")
    assert done.returncode == 2
    assert done.stderr == "study.ui: there is no study yet in 'there.db': run python -m study.run\n"
