"""Temporary files, and those that a killed process has left."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.studies.scratch import scratch
from tests.conftest import python
from tests.tracking.runs import make_tracker, start

LISTED = """
import os, sys, tempfile
from hyperstudy.study.studies.scratch import scratch
with scratch():
    assert os.path.dirname(tempfile.mkdtemp()) == os.environ["TMPDIR"] != sys.argv[1]
    print(*sorted(os.listdir(sys.argv[1])))
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_folders_go_whose_processes_have_ended_and_no_others(temporary):
    for name in ("hyperstudy-notes", "hyperstudy-abcd_123.tmp"):
        (temporary / name / "inner").mkdir(parents=True)
    with scratch():
        mine = os.path.basename(tempfile.gettempdir())
        told = python("-c", LISTED, str(temporary), cwd=temporary, TMPDIR=str(temporary))
        assert told.returncode == 0, told.stderr
        assert len(told.stdout.split()) == 3
        assert {mine, "hyperstudy-notes"} < set(told.stdout.split())
    assert os.listdir(temporary) == ["hyperstudy-notes"]
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == str(temporary)


def test_without_a_place_for_temporary_files_one_line_says_so(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with (
        pytest.raises(InputError, match=r"^temporary files cannot be written \(.*gone.*\): name .* \$TMPDIR$"),
        scratch(),
    ):
        pass


def test_too_little_room_for_temporary_files_names_their_folder(temporary, monkeypatch):
    free = shutil.disk_usage(temporary)._replace(free=400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    told = f"^temporary files need 10.0 MB in '{temporary}', which has 0.4 MB left: name another folder"
    with pytest.raises(StoreError, match=told), scratch():
        pass


def test_a_folder_of_temporary_files_that_fills_up_is_not_told_as_a_store_that_failed(temporary, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    tracker = make_tracker(tmp_path)
    run_id = start(tracker)
    monkeypatch.setattr(Path, "write_bytes", full)
    told = f"^temporary files cannot be written in '{temporary}' \\(No space left on device\\): name another folder"
    with pytest.raises(StoreError, match=told):
        tracker.finish(run_id, "complete", {}, {"file": b"content"})
