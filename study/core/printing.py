"""Standard output that may go away: a pipe whose reader ends, a full disk, none at all."""

import io
import os
from typing import Any


class Lasting:
    """A text stream that drops what is written once it cannot be written: no work is lost for want of a reader.

    Characters that its encoding lacks become question marks.
    """

    def __init__(self, stream: Any) -> None:
        """`stream` is None where standard output was closed before the start."""
        self._stream = open(os.devnull, "w") if stream is None else stream  # noqa: SIM115, it lasts
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """Lead the stream to nowhere, also for what it still holds and what others write to it."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
