"""A store that is away, full or broken: waited for where that helps, and one line where it does not."""

import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hyperstudy.study.core.errors import InputError, StoreError, exit_code
from hyperstudy.study.tracking import client
from hyperstudy.study.tracking.client import Client, open_client, patiently
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import python
from tests.tracking.runs import empty_store, make_tracker, start

LIMITED = """
import resource, sys
from hyperstudy.study.core.errors import exit_code
from hyperstudy.study.tracking.tracker import Tracker
resource.setrlimit(resource.RLIMIT_FSIZE, (700_000,) * 2)
sys.exit(exit_code("study.run", lambda: Tracker(sys.argv[1], "s").create() or 0, "goes on"))
"""


@pytest.fixture
def file(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    return tmp_path / "a.db"


def insert(file):
    with closing(sqlite3.connect(file, timeout=0.01, isolation_level=None)) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        return "done"


def test_a_locked_database_is_waited_for_and_that_is_said(file, monkeypatch, capsys):
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.05)
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    said = threading.Thread(target=lambda: (threading.Event().wait(0.5), holder.rollback()))
    said.start()
    assert patiently(f"sqlite:///{file}", partial(insert, file), 0.1) == "done"
    said.join()
    assert capsys.readouterr().err == "the store does not answer; waiting for it\n"


def test_a_database_that_stays_locked_is_one_line(file, monkeypatch, capsys):
    monkeypatch.setattr(client, "WAIT_SECONDS", 0)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        call = partial(patiently, f"sqlite:///{file}", partial(insert, file))
        assert exit_code("study.run", call, "goes on") == 1
    line = f"study.run: store 'sqlite:///{file}' failed: database is locked; the same command goes on\n"
    assert capsys.readouterr().err == line


def test_a_store_that_failed_is_not_asked_again(tmp_path):
    tracker = make_tracker(tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("ALTER TABLE runs RENAME TO lost")
    with pytest.raises(StoreError, match="failed: no such table: runs") as first:
        start(tracker)
    with pytest.raises(StoreError) as second:
        tracker.tag("a", "b")
    assert second.value is first.value


def test_what_a_store_does_not_have_is_no_failure(tmp_path):
    tracker = make_tracker(tmp_path)
    with pytest.raises(Exception, match="not found") as missing:
        tracker.client.get_run("0" * 32)
    assert not isinstance(missing.value, StoreError)
    assert tracker.runs() == []


class Broken(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_that_is_lost_is_one_line_without_its_password(answers, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with HTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://me:s3cret@127.0.0.1:{server.server_port}"
        asked = Client(url)
        if not answers:
            server.server_close()
        assert exit_code("study.run", lambda: asked.get_experiment_by_name("s"), "goes on") == 1
        server.shutdown()
    told = capsys.readouterr().err
    assert told.startswith("study.run: store 'http://me:***@127.0.0.1:")
    assert told.endswith("failed: the server does not answer, or answers with errors; the same command goes on\n")
    assert "s3cret" not in told


def test_a_store_whose_making_was_cut_off_by_a_full_disk_is_made_again(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    done = python("-c", LIMITED, uri, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("; the same command goes on\n")
    assert not Tracker(uri, "s").experiment_id


def test_an_error_of_the_file_system_is_one_line(capsys):
    def write():
        with open("/dev/full", "w") as file:
            file.write("a")

    if not sys.platform.startswith("linux"):
        pytest.skip("there is no /dev/full")
    assert exit_code("study.export", write) == 1
    assert capsys.readouterr().err == "study.export: No space left on device; the same command starts again\n"


def test_a_store_of_another_version_of_mlflow_says_so(tmp_path):
    file = shutil.copyfile(empty_store(), tmp_path / "mlflow.db")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'bda7b8c39065'")
        connection.commit()
    with pytest.raises(InputError, match=r"was made by another version of MLflow than \d.*mlflow db upgrade"):
        open_client(f"sqlite:///{file}")
