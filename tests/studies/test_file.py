"""The user's own file of a study: a store, which is data, does not choose what runs."""

import grp
import json
import os
import pwd
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


def test_what_is_no_file_is_refused(tmp_path):
    place = tmp_path / "mine.py"
    with pytest.raises(InputError, match=r"own file '.*mine\.py' must be a file; there is none"):
        read_own(place)
    place.symlink_to("mine.py")
    with pytest.raises(InputError, match="it is a link that leads to none"):
        read_own(place)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(InputError, match="it is a FIFO"):
        read_own(place)


def test_the_file_is_run_where_it_lay(study):
    tracker, mark = study
    assert own_of(tracker, NAMED).name == "mine.py"
    assert mark.exists()


def is_refused(tracker, mark, others):
    """Whether the file is run only if it is named."""
    with pytest.raises(InputError, match=rf"mine\.py' of study 'a study' {others}: name it with --from"):
        own_of(tracker, NAMED)
    assert not mark.exists()
    own_of(tracker, Namespace(own=tracker.tags()[FILE], run_stored_file=False))
    return mark.exists()


def test_another_user_s_file_is_run_only_if_it_is_named(study, monkeypatch):
    tracker, mark = study
    user = os.getuid()
    if user == 0:  # whose files are everybody's
        os.chown(tracker.tags()[FILE], 1, -1)
    else:
        monkeypatch.setattr("os.getuid", lambda: user + 1)
    assert is_refused(tracker, mark, "is another user's")


@pytest.mark.parametrize("mode", [0o777, 0o775])
@pytest.mark.parametrize("what", ["the file", "its folder", "a folder above"])
def test_a_file_that_others_may_change_is_run_only_if_it_is_named(what, mode, study, monkeypatch):
    tracker, mark = study
    monkeypatch.setattr("grp.getgrgid", lambda number: grp.struct_group(("staff", "x", number, ["somebody"])))
    place = {"the file": mark.with_name("mine.py"), "its folder": mark.parent, "a folder above": mark.parent.parent}[
        what
    ]
    before = place.stat().st_mode
    place.chmod(mode)
    try:
        assert is_refused(tracker, mark, "(is|lies in '.*', which is) writable by others")
    finally:
        place.chmod(before)


def test_neither_a_sticky_folder_nor_the_user_s_own_group_makes_a_file_another_s(study, monkeypatch):
    tracker, mark = study
    name = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr("grp.getgrgid", lambda number: grp.struct_group((name, "x", number, [])))
    mark.with_name("mine.py").chmod(0o664)
    mark.parent.chmod(0o1777)
    own_of(tracker, NAMED)
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
