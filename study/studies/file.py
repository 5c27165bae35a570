"""The user's own file of a study: the same as when the study began, or a line that says what differs."""

import grp
import json
import os
import pwd
import stat
from argparse import Namespace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.core.own import Added, OwnFile, load_own, read_own
from hyperstudy.study.studies.description import FILE
from hyperstudy.study.studies.session import SETTINGS
from hyperstudy.study.tracking.tracker import Tracker

KEY = "file"  # of a study's settings


def add_own(parser: Any) -> None:
    """The options of commands that go on from a study's own file."""
    parser.add_argument(
        "--from", dest="own", type=Path, metavar="FILE", help="the study's own file (default: where it lay)"
    )
    parser.add_argument(
        "--run-stored-file",
        action="store_true",
        help="run the copy of the study's own file that the store holds; a store is data, so only if you trust it",
    )


def own_of(tracker: Tracker, options: Namespace) -> OwnFile | None:
    """The study's own file, after it was run; None for a study without one. Raises `InputError` if it is not there, or
    not the one that the study had."""
    tags = tracker.tags()
    if FILE not in tags:
        if options.own is not None:
            raise InputError(f"study {tracker.experiment!r} has no file of its own; got --from {options.own}")
        return None
    place, wanted = Path(options.own or tags[FILE]), json.loads(tags[SETTINGS])[KEY]
    if options.run_stored_file:
        own = OwnFile(Path(tags[FILE]), _stored(tracker, wanted))
    else:
        hint = "name it with --from FILE, or run the copy in the store with --run-stored-file"
        if not place.is_file():
            raise InputError(f"file {str(place)!r} of study {tracker.experiment!r} is not there: {hint}")
        place = place.resolve()
        if options.own is None and (others := _writable_by_others(place)):
            raise InputError(f"file {str(place)!r} of study {tracker.experiment!r} {others}: {hint}")
        own = read_own(place)
        if own.setting.split()[-1] != wanted.split()[-1]:
            changed = _changed(tracker, wanted, own)
            raise InputError(f"study {tracker.experiment!r} had another {place.name}{changed}: {hint}")
    load_own(own)
    return own


def _writable_by_others(file: Path) -> str:
    """How others than the user and the administrator may change what lies at this place; empty if they may not.

    A store names the file, and it is run: OpenSSH asks the same of a user's keys. In a sticky folder, such as /tmp,
    others may not replace a file that is not theirs. A group that is the user's alone has no others.
    """
    user = os.getuid()
    for path in (file, *file.parents):
        found, what = path.stat(), "is" if path == file else f"lies in {str(path)!r}, which is"
        if found.st_uid not in (0, user):
            return f"{what} another user's"
        sticky = path != file and found.st_mode & stat.S_ISVTX
        shared = found.st_mode & stat.S_IWGRP and not _is_private(found.st_gid, user)
        if not sticky and (shared or found.st_mode & stat.S_IWOTH):
            return f"{what} writable by others"
    return ""


def _is_private(group: int, user: int) -> bool:
    """Whether a group is the user's own, of the same name and without other members."""
    try:
        row, name = grp.getgrgid(group), pwd.getpwuid(user).pw_name
    except KeyError:  # in a container they may have no names
        return False
    return row.gr_name == name and set(row.gr_mem) <= {name}


def check_unchanged(tracker: Tracker, own: Added | None) -> None:
    """Raise `InputError` if the study was begun with another file, or without one."""
    if SETTINGS not in (tags := tracker.tags()):
        return
    wanted = json.loads(tags[SETTINGS]).get(KEY)
    if wanted == (own.setting if own else None):
        return
    study, other = tracker.experiment, "or give the new study a name of its own with --study"
    if own is None:
        raise InputError(f"study {study!r} was begun with a file: give --from {tags.get(FILE, 'FILE')}, {other}")
    if wanted is None:
        raise InputError(f"study {study!r} was begun without a file: leave {own.name} out, {other}")
    changed = _changed(tracker, wanted, own) if isinstance(own, OwnFile) else f" ({wanted}, now {own.setting})"
    raise InputError(f"study {study!r} was begun with another {own.name}{changed}: restore it, {other}")


def _changed(tracker: Tracker, wanted: str, own: OwnFile) -> str:
    """Where the file first differs from the stored copy, if there is one."""
    try:
        before = _stored(tracker, wanted).decode(errors="replace").splitlines()
    except InputError:
        return ""
    now = own.content.decode(errors="replace").splitlines()
    for number, (old, new) in enumerate(zip_longest(before, now, fillvalue=""), start=1):
        if old != new:
            return f" (line {number} was {old.strip()!r}, now {new.strip()!r})"
    return " (only the ends of its lines differ)"


def _stored(tracker: Tracker, wanted: str) -> bytes:
    """The copy that a run of the study holds."""
    name, digest = wanted.rsplit(" ", 1)
    with TemporaryDirectory() as folder:
        for run in tracker.runs():
            if run.state:
                try:
                    own = read_own(tracker.download(run.run_id, name, Path(folder)))
                except StoreError:
                    raise
                except Exception:  # artifact stores raise errors of many kinds for a file that they have lost
                    continue
                if own.digest == digest:
                    return own.content
    raise InputError(f"study {tracker.experiment!r} holds no copy of {name}")
