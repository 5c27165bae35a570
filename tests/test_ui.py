"""`python -m study.ui`: the MLflow UI on a study's store."""

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from hyperstudy.study.ui import main
from tests.conftest import environment, python, wait_for


@pytest.mark.parametrize(("request_to_end", "code"), [(signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_ui_answers_at_the_link_that_it_prints_and_its_server_ends_with_it(request_to_end, code, finished_study):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ["-m", "study.ui", "--port", port]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, *words], cwd=finished_study, env=environment(), **pipes) as server:
        try:
            base, _, path = server.stdout.readline().partition("/#/experiments/")
            assert base == f"http://127.0.0.1:{port}"
            wanted = f"{base}/ajax-api/2.0/mlflow/experiments/get?experiment_id={path.partition('/')[0]}"
            with urllib.request.urlopen(wanted, timeout=60) as answer:
                assert "digits-cnn" in answer.read().decode()
            second = python(*words, cwd=finished_study)
        finally:
            server.send_signal(request_to_end)
        assert server.wait() == code
    wait_for(lambda: not is_open(int(port)), 20)
    assert (second.returncode, second.stderr.count("\n")) == (2, 1)
    assert f"address 127.0.0.1:{port} cannot be served (Address already in use): give another --port" in second.stderr


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_that_does_not_start_is_one_line_at_the_end(finished_study):
    (finished_study / "uvicorn.py").write_text("raise SystemExit(3)")
    try:
        done = python("-m", "study.ui", "--port", "1024", cwd=finished_study)
    finally:
        (finished_study / "uvicorn.py").unlink()
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("study.ui: the server ended with exit code ")


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
