"""The store as files: what is refused, what a copy holds, and what is left behind."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import optuna
import pytest

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.tracking.experiments import experiments
from hyperstudy.study.tracking.store import artifact_root, check, existing, flush, is_server, lock_file, sqlite_file
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, environment, store_of, wait_for
from tests.tracking.runs import make_tracker, start


def dump(file):
    """Every row of a database as text, read without a log beside it."""
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    "uri",
    [
        "nonsense",
        "nonsense://x",
        "ftp://nowhere",
        "oracle-of://delphi",
        "sqlite:////dev/null/x.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db?uri=true",
        "http://127.0.0.1:9",
        "http://localhost:abc",
        "postgresql://nobody@127.0.0.1:9/x",
        "postgresql://localhost:abc/x",
    ],
)
def test_a_store_that_does_not_answer_is_refused(uri):
    for attempt in (check, lambda uri: Tracker(uri, "s")):
        with pytest.raises(InputError, match=r"store .* cannot be opened: ."):
            attempt(uri)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letter.db").write_text("this is a letter, not a database, and a long one at that" * 10)
    before = (tmp_path / "letter.db").read_bytes()
    with pytest.raises(InputError, match="cannot be opened: file is not a database"):
        Tracker(f"sqlite:///{tmp_path}/letter.db", "s")
    assert (tmp_path / "letter.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["letter.db"]


def test_a_database_of_another_program_is_refused_and_left_byte_for_byte_alone(tmp_path):
    url = f"sqlite:///{tmp_path}/optuna.db"
    optuna.create_study(storage=url, study_name="s")
    before = (tmp_path / "optuna.db").read_bytes()
    for attempt in (check, experiments, lambda uri: Tracker(uri, "s")):
        with pytest.raises(InputError, match="it holds data of another program"):
            attempt(url)
    assert (tmp_path / "optuna.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["optuna.db"]


def test_a_place_that_mlflow_would_read_as_another_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    """Its `load_model` would look for the champion in `xAy`."""
    (folder := tmp_path / "x%41y").mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match=r"MLflow would read its place as '.*xAy/mlflow\.db': no folder's name may"):
        Tracker("sqlite:///mlflow.db", "s")
    assert not list(folder.iterdir())


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder in which nobody may write, not even root")
def test_a_folder_in_which_no_store_can_be_made_is_one_line():
    with pytest.raises(InputError, match=r"store 'sqlite:////proc/mlruns/mlflow\.db' cannot be"):
        Tracker("sqlite:////proc/mlruns/mlflow.db", "s")


def test_a_store_that_must_be_there_is_not_made(tmp_path):
    with pytest.raises(InputError, match=r"there is no study yet in '.*none\.db': run python -m study\.run"):
        existing(f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


def test_a_check_writes_nothing(tmp_path):
    check(f"sqlite:///{tmp_path}/deep/er/mlflow.db")
    assert not list(tmp_path.iterdir())


def test_urls_are_told_apart(tmp_path):
    assert is_server("http://h:5000")
    assert is_server("https://h")
    assert not is_server("sqlite:///x.db")
    assert sqlite_file(f"sqlite:///{tmp_path}/x.db") == tmp_path / "x.db"
    assert artifact_root(f"sqlite:///{tmp_path}/x.db") == tmp_path / "artifacts"
    for url in ("postgresql://h/x", "http://h:5000", "sqlite://", "nonsense"):
        assert sqlite_file(url) is artifact_root(url) is lock_file(url, "s") is None


TOGETHER = """
import pathlib, sys
from hyperstudy.study.tracking.tracker import Tracker
pathlib.Path(f"ready-{sys.argv[1]}").touch()
while not pathlib.Path("go").exists():
    pass
tracker = Tracker("sqlite:///fresh/mlflow.db", sys.argv[2])
tracker.create()
tracker.close(tracker.start("run", {}, {"phase": "explore"}, []), "complete", "FINISHED")
"""


def test_processes_that_make_a_store_at_once_share_it(tmp_path):
    words = [sys.executable, "-c", TOGETHER]
    names = enumerate(("one", "two", "two"))
    started = [subprocess.Popen([*words, str(n), name], cwd=tmp_path, env=environment()) for n, name in names]
    wait_for(lambda: len(list(tmp_path.glob("ready-*"))) == 3)
    (tmp_path / "go").touch()
    assert [process.wait(120) for process in started] == [0, 0, 0]
    uri = f"sqlite:///{tmp_path}/fresh/mlflow.db"
    assert set(experiments(uri)) == {"one", "two"}
    assert len(Tracker(uri, "two").runs()) == 2


class Guarded(BaseHTTPRequestHandler):
    """Refuses everyone, as a server does that was given a wrong password."""

    def do_GET(self):
        self.send_response(401)
        self.end_headers()

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_):
        pass


def test_a_server_that_refuses_is_one_line_without_the_password():
    with HTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(
            InputError, match=r"store 'http://me:\*\*\*@127.0.0.1:\d+' holds no MLflow data: .*401"
        ) as refused:
            Tracker(f"http://me:wr0ng@127.0.0.1:{server.server_port}", "s")
        assert "wr0ng" not in str(refused.value)
        server.shutdown()


def test_flushing_leaves_nothing_in_the_log(tmp_path):
    """A copy of the database file alone is a copy of the store."""
    tracker = make_tracker(tmp_path)
    tracker.finish(start(tracker), COMPLETE, {"objective": 0.5}, {})
    log = tmp_path / "mlflow.db-wal"
    assert log.stat().st_size > 0
    flush(tracker.uri)
    assert not log.exists() or log.stat().st_size == 0
    (tmp_path / "other").mkdir()
    shutil.copyfile(tmp_path / "mlflow.db", tmp_path / "other" / "mlflow.db")
    (run,) = Tracker(f"sqlite:///{tmp_path}/other/mlflow.db", "a study").runs()
    assert run.metrics == {"objective": 0.5}


def test_flushing_a_store_that_is_gone_makes_none(tmp_path):
    flush(f"sqlite:///{tmp_path}/gone.db")
    flush("http://h:5000")
    assert not list(tmp_path.iterdir())


def finished_run(folder):
    tracker = make_tracker(folder)
    run_id = start(tracker)
    tracker.finish(run_id, COMPLETE, {}, {"note.txt": b"hello"})
    flush(tracker.uri)
    return run_id


def note_of(folder, run_id, to):
    return Tracker(f"sqlite:///{folder}/mlflow.db", "a study").download(run_id, "note.txt", to).read_text()


@pytest.mark.parametrize("moved", [False, True], ids=["copied", "moved"])
def test_a_folder_elsewhere_keeps_its_artifacts(moved, tmp_path):
    """MLflow keeps absolute paths."""
    run_id = finished_run(tmp_path / "here")
    copy_study(tmp_path / "here", tmp_path / "it's there")
    if moved:
        shutil.rmtree(tmp_path / "here")
    assert note_of(tmp_path / "it's there", run_id, tmp_path) == "hello"
    (run,) = Tracker(f"sqlite:///{tmp_path}/it's there/mlflow.db", "a study").runs()
    assert run.artifacts.startswith((tmp_path / "it's there").as_uri())


def test_a_run_of_a_copy_leaves_the_original_alone(tmp_path):
    finished_run(tmp_path / "here")
    copy_study(tmp_path / "here", tmp_path / "there")
    before = sorted((tmp_path / "here" / "artifacts").rglob("*"))
    tracker = Tracker(f"sqlite:///{tmp_path}/there/mlflow.db", "a study")
    new = start(tracker)
    tracker.finish(new, COMPLETE, {}, {"note.txt": b"new"})
    assert sorted((tmp_path / "here" / "artifacts").rglob("*")) == before
    assert note_of(tmp_path / "there", new, tmp_path) == "new"


def test_a_location_that_the_user_chose_is_kept(tmp_path):
    """Such as a bucket, or a folder that does not lie beside the store."""
    tracker = make_tracker(tmp_path / "here")
    elsewhere = (tmp_path / "elsewhere").as_uri()
    tracker.client.create_experiment("another", elsewhere)
    tracker.client.create_experiment("bucket", "s3://bucket/artifacts/bucket")
    flush(tracker.uri)
    copy_study(tmp_path / "here", tmp_path / "there")
    copied = Tracker(f"sqlite:///{tmp_path}/there/mlflow.db", "another")
    assert copied.client.get_experiment_by_name("another").artifact_location == elsewhere
    assert copied.client.get_experiment_by_name("bucket").artifact_location == "s3://bucket/artifacts/bucket"


def test_opening_a_store_where_it_lies_changes_no_row(tmp_path):
    finished_run(tmp_path)
    before = dump(tmp_path / "mlflow.db")
    Tracker(f"sqlite:///{tmp_path}/mlflow.db", "a study")
    flush(f"sqlite:///{tmp_path}/mlflow.db")
    assert dump(tmp_path / "mlflow.db") == before


LOAD = """
import mlflow, numpy, sys
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/digits-cnn@champion")
print(model.predict(numpy.zeros((1, 1, 8, 8), dtype="uint8")).shape)
"""


def test_a_study_s_model_survives_a_move(finished_study, tmp_path):
    copy_study(finished_study, tmp_path / "first")
    Tracker(store_of(tmp_path / "first"), "digits-cnn")
    flush(store_of(tmp_path / "first"))
    copy_study(tmp_path / "first", tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    tracker = Tracker(store_of(tmp_path / "second"), "digits-cnn")
    for run in tracker.runs():
        if run.phase != "report":
            assert tracker.download(run.run_id, "history.csv", tmp_path).exists()
    words = [sys.executable, "-c", LOAD, tracker.uri]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.stdout.strip().endswith("(1, 10)"), done.stderr
