"""The process in which `hyperstudy.run` has a study run: like the command, with the rows that its caller added.

A process of its own, since the processes that train import again what started them: a script that calls `run` would
call it once more in each.
"""

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from tempfile import TemporaryFile

import cloudpickle

from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import REGISTRIES, added_rows
from hyperstudy.study.run import main

NAME = "study.run: "  # before the line that says what is wrong


def run_in_process(words: Sequence[str]) -> int:
    """Run `study.run` with these words and with what this process has added to the registries; its exit code.

    Raises `InputError` with its line for input that cannot be used.
    """
    added_rows()  # raises for rows that are none
    rows = cloudpickle.dumps((DATASETS, *REGISTRIES))
    command, shown = [sys.executable, "-m", __name__], None if sys.stdout.isatty() else subprocess.PIPE
    with (
        TemporaryFile() as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=shown, stderr=errors) as process,
    ):
        assert process.stdin is not None
        pickle.dump((sys.path, words, rows), process.stdin)  # other users can read a command line
        process.stdin.flush()  # it stays open as long as the caller lives
        for line in io.TextIOWrapper(process.stdout, errors="replace") if process.stdout else ():
            print(line, end="", flush=True)  # a notebook shows what is printed, not what a process writes
        process.wait()
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if process.returncode == 2:
        raise InputError(said.rpartition(NAME)[2])
    if said:
        print(said, file=sys.stderr)
    if process.returncode == 130:
        raise KeyboardInterrupt
    return process.returncode


def _end_with_caller() -> None:
    """Ask this process to terminate when its caller has ended, or waits no more."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    path, words, pickled = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    sys.path[:] = path
    for registry, added in zip((DATASETS, *REGISTRIES), cloudpickle.loads(pickled), strict=True):
        registry.update(added)
    sys.exit(main(words))
