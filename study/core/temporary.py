"""Temporary files, and the line that names their folder where they cannot be written."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from hyperstudy.study.core.errors import unusable

HINT = ": name another folder for them with $TMPDIR"


@contextmanager
def temporary_files() -> Iterator[None]:
    """Raise one line that names the folder of temporary files where one cannot be written in this block: `StoreError`
    if it is full, else `InputError`."""
    try:
        yield
    except OSError as error:
        raise unusable(f"temporary files cannot be written in {tempfile.gettempdir()!r}", error, HINT) from None
