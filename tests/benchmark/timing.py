"""What the benchmarks share: a command with the time of each line that it prints, and a ratio in words."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import psutil

from hyperstudy.study.core.errors import InputError

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}  # of every command that is timed
TRIAL = re.compile(r"\[\d+/\d+\] (explore|search)-\d+ ")  # the line of a finished trial


class Line(NamedTuple):
    seconds: float  # since the command was given
    text: str
    seen: Any = None  # what was seen of the command at that time


def run(folder: Path, *command: str, watch: Callable[[psutil.Process], Any] = lambda process: None) -> list[Line]:
    """The lines that `python COMMAND` prints in a folder, with an empty one at its end; raises if it fails.

    `watch` is shown the command's process with every line.
    """
    words = [sys.executable, *command]
    started = perf_counter()
    with subprocess.Popen(words, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        seen = psutil.Process(process.pid)
        printed = [Line(perf_counter() - started, text.rstrip(), watch(seen)) for text in process.stdout]
    if process.returncode:
        raise InputError(f"python {' '.join(command)} ended with {process.returncode}")
    return [*printed, Line(perf_counter() - started, "")]


def finished(lines: Sequence[Line]) -> list[float]:
    """When each trial was finished, in seconds."""
    return [line.seconds for line in lines if TRIAL.match(line.text)]


def ratio(ratios: Sequence[float], digits: int = 2) -> str:
    """Median, smallest and largest, as in '5.10 [4.80, 5.30]'."""
    return f"{median(ratios):.{digits}f} [{min(ratios):.{digits}f}, {max(ratios):.{digits}f}]"
