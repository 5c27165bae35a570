"""Temporary files of a study: in a folder that goes however the study ends."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hyperstudy.study.core.errors import StoreError, unusable
from hyperstudy.study.core.temporary import HINT

ROOM = 10_000_000  # bytes that a small study needs: a fresh database, its data, a model
PREFIX, SUFFIX = "hyperstudy-", ".tmp"  # no name that a person would give to a folder


@contextmanager
def scratch() -> Iterator[None]:
    """Let the temporary files of this process, and of those that it starts, lie in one folder, which goes at the end.

    Folders that studies have left which were killed go at the start. Raises `InputError` where no temporary file can be
    written, and `StoreError` where there is too little room for any.
    """
    variable, before = "TMPDIR", os.environ.get("TMPDIR")
    try:
        _sweep()
        _check_room(tempfile.gettempdir())
        folder, lock = _locked_folder()
    except OSError as error:
        raise unusable("temporary files cannot be written", error, HINT) from None
    os.environ[variable], usual, tempfile.tempdir = folder, tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = usual
        os.environ.pop(variable)
        if before is not None:
            os.environ[variable] = before
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _check_room(folder: str) -> None:
    """Raise `StoreError` where too little is free: each library would fail there with words of its own."""
    if (free := shutil.disk_usage(folder).free) < ROOM:
        least, left = (f"{size / 1e6:.1f} MB" for size in (ROOM, free))
        raise StoreError(f"temporary files need {least} in {folder!r}, which has {left} left{HINT}")


def _locked_folder() -> tuple[str, int]:
    """A new folder, and the file descriptor that holds its lock: as long as this process lives."""
    while True:
        folder = tempfile.mkdtemp(SUFFIX, PREFIX)
        with suppress(FileNotFoundError):  # another process has swept it before it was locked
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.isdir(folder):
                return folder, lock
            os.close(lock)


def _sweep() -> None:
    """Remove the folders whose processes have ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}????????{SUFFIX}"):
        with suppress(OSError):  # another user's, or one that is in use
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(lock)
