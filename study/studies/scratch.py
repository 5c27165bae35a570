"""Temporary files of a study: in a folder that goes however the study ends."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hyperstudy.study.core.errors import InputError

PREFIX, SUFFIX = "hyperstudy-", ".tmp"  # no name that a person would give to a folder


@contextmanager
def scratch() -> Iterator[None]:
    """Let the temporary files of this process, and of those that it starts, lie in one folder, which goes at the end.

    Folders that studies have left which were killed go at the start. Raises `InputError` where no temporary file can be
    written.
    """
    variable, before = "TMPDIR", os.environ.get("TMPDIR")
    try:
        _sweep()
        folder, lock = _locked_folder()
    except OSError as error:
        raise InputError(f"temporary files cannot be written ({error}): name a folder for them with $TMPDIR") from None
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
