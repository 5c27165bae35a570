"""The user's own file of a study: a store, which is data, does not choose what runs."""

import json
import os
import sys
from argparse import Namespace

import pytest

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import LOADED, read_own
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.studies.description import FILE
from hyperstudy.study.studies.file import own_of
from hyperstudy.study.studies.session import SETTINGS
from tests.tracking.runs import make_tracker, start


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study whose file leaves a mark when it runs."""
    monkeypatch.setattr("sys.path", list(sys.path))
    mine = tmp_path / "mine.py"
    mine.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    tracker = make_tracker(tmp_path)
    tracker.tag(FILE, str(mine))
    tracker.tag(SETTINGS, json.dumps({"file": read_own(mine).setting}))
    yield tracker, tmp_path / "ran"
    LOADED.pop(read_own(mine).digest, None)


NAMED = Namespace(own=None, run_stored_file=False)


def test_the_file_is_run_where_it_lay(study):
    tracker, mark = study
    assert own_of(tracker, NAMED).name == "mine.py"
    assert mark.exists()


def test_another_user_s_file_is_run_only_if_it_is_named(study, monkeypatch):
    tracker, mark = study
    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    with pytest.raises(InputError, match=r"mine\.py' of study 'a study' is another user's: name it with --from"):
        own_of(tracker, NAMED)
    assert not mark.exists()
    own_of(tracker, Namespace(own=tracker.tags()[FILE], run_stored_file=False))
    assert mark.exists()


@pytest.mark.parametrize("name", ["../../mine.py", "/etc/hostname", "a/../../../mine.py"])
def test_a_stored_file_is_looked_for_in_the_runs_alone(name, study):
    tracker, mark = study
    digest = json.loads(tracker.tags()[SETTINGS])["file"].split()[-1]
    tracker.tag(SETTINGS, json.dumps({"file": f"{name} {digest}"}))
    tracker.finish(start(tracker), COMPLETE, {}, {"other.txt": b""})
    with pytest.raises(InputError, match="holds no copy of"):
        own_of(tracker, Namespace(own=None, run_stored_file=True))
    assert not mark.exists()
