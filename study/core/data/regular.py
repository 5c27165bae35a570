"""Files that can be read to their end."""

import os
import stat
from pathlib import Path

from hyperstudy.study.core.errors import InputError

KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}


def regular(what: str, path: Path) -> os.stat_result:
    """The status of a regular file or of a link to one; raises `InputError` for anything else.

    To read a FIFO would wait for a writer, and a device may have no end.
    """
    try:
        status = path.stat()
    except OSError as error:
        if path.is_symlink():
            raise InputError(f"{what} {str(path)!r} must be a file; it is a link that leads to none") from None
        missing = isinstance(error, FileNotFoundError)
        raise InputError(
            f"{what} {str(path)!r} must be a file; {'there is none' if missing else error.strerror}"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "a device")
        raise InputError(f"{what} {str(path)!r} must be a file; it is {kind}")
    return status
