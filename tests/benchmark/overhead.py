"""What driving and tracking add: the driver's share of the processor time that a study takes while it trains."""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from rich.console import Console

from hyperstudy.study.outputs.environment import cores
from tests.benchmark.timing import TRIAL, Line, ratio, run

STUDIES = {
    "default study of the digits": (),
    "LeNet on MNIST, 8 trials of 2 epochs": ("--dataset=mnist", "--model=lenet", "--trials=8", "--epochs=2"),
}


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print that share from the first finished trial to the last.

    It is the share of the time, too, as far as the processor is busy all the while, and other tenants of a machine
    change it far less than they change the time.
    """
    for name, words in STUDIES.items():
        shares, busy = [], []
        with console.status(name):
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as folder:
                    command = ["-m", "study.run", *words, "--confirm-seeds", "0", "--data-dir", str(data_dir)]
                    share, use = overhead(run(Path(folder), *command, watch=processor_seconds))
                    shares.append(share)
                    busy.append(use)
        console.print(f"{name}: driver's share of the processor time {ratio(shares, 3)}; cores in use {ratio(busy)}")


def processor_seconds(driver: psutil.Process) -> dict[int, float]:
    """What a process, named first, and all that come from it have spent so far, by their identifiers."""
    spent = {}
    for process in (driver, *driver.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it has ended since
            times = process.cpu_times()
            spent[process.pid] = times.user + times.system
    return spent


def overhead(lines: Sequence[Line]) -> tuple[float, float]:
    """The driver's share of the processor time, and the share of the machine's that was used."""
    first, *_, last = (line for line in lines if TRIAL.match(line.text))
    driver, *others = (seconds - first.seen.get(process, 0.0) for process, seconds in last.seen.items())
    total = driver + sum(others)
    return driver / total, total / cores() / (last.seconds - first.seconds)
