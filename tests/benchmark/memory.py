"""Memory of a worker while it trains, beyond the pictures that all share."""

import tempfile
from pathlib import Path

import psutil
import torch
from rich.console import Console

from study.core.train import Epoch
from study.workers.pool import Job, Outcome, Pool
from tests.benchmark.core import CASES, load

POLL_SECONDS = 0.05


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print the largest unique set size that a worker reached in one epoch of each of the core's cases."""
    for name, case in CASES.items():
        with Pool(1, load(case, data_dir), torch.device("cpu")) as pool, tempfile.TemporaryDirectory() as folder:
            (pid,) = pool.pids()
            pool.start(0, Job(case.config, Path(folder)))
            sizes = []
            while pool.idle() == []:
                sizes.append(psutil.Process(pid).memory_full_info().uss)
                for _, message in pool.messages(POLL_SECONDS):
                    assert isinstance(message, Epoch | Outcome), message
        console.print(f"memory: {name}: {max(sizes) / 2**20:.0f} MiB")
