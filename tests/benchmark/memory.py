"""Memory of a worker while it trains, beyond the pictures that all share."""

from pathlib import Path

import psutil
import torch
from rich.console import Console

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, Outcome
from tests.benchmark.core import CASES, load

POLL_SECONDS = 0.05


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print the largest unique set size that a worker reached in one epoch of each of the core's cases."""
    for name, case in CASES.items():
        others = set(psutil.Process().children())
        with LocalPool(1, torch.device("cpu")) as pool:
            (worker,) = (child for child in set(psutil.Process().children()) - others if is_worker(child))
            pool.load(PicturesTask("data", load(case, data_dir)))
            pool.start(0, Job(case.config))
            sizes = []
            while pool.idle() == []:
                sizes.append(worker.memory_full_info().uss)
                for _, message in pool.messages(POLL_SECONDS):
                    assert isinstance(message, Epoch | Outcome), message
        console.print(f"memory: {name}: {max(sizes) / 2**20:.0f} MiB")


def is_worker(process: psutil.Process) -> bool:
    """Whether it trains: Python's resource tracker is a child, too."""
    return "spawn_main" in " ".join(process.cmdline())
