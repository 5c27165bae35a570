"""Temporary files, and those that a killed process has left."""

import os
import tempfile

import pytest

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.studies.scratch import scratch
from tests.conftest import python

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
