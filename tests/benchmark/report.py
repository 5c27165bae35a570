"""How long a findings report takes and how much memory, for 50 trials and for 1,000 of 20 epochs."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
import psutil
from rich.console import Console

from hyperstudy.study.outputs.names import HISTORY
from hyperstudy.study.tracking.tracker import Tracker
from tests.benchmark.timing import ENVIRONMENT, run
from tests.reports.planted import DOMAINS, SPACE, bump, planted

TRIALS, EPOCHS = 1000, 20
POLL_SECONDS = 0.2
SMALL = ("-m", "study.run", "--trials", "50")  # the default study, confirmation included


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print seconds of the whole command, imports included, and the most memory that its processes had of their own."""
    stores: dict[str, Callable[[Path], object]] = {
        "50 trials and confirmation": lambda folder: run(folder, *SMALL),
        f"{TRIALS:,} trials of {EPOCHS} epochs": track_planted,
    }
    for name, fill in stores.items():
        with tempfile.TemporaryDirectory() as folder, console.status(f"report of {name}"):
            fill(Path(folder))
            seconds, memory = zip(*(report(Path(folder)) for _ in range(rounds)), strict=True)
        spread = f"{median(seconds):.1f} s [{min(seconds):.1f}, {max(seconds):.1f}]"
        console.print(f"report: {name}: {spread}, {max(memory) / 2**20:.0f} MiB", highlight=False)


def track_planted(folder: Path) -> None:
    """Write a planted study's runs, each with a curve that ends at its objective, into a tracking store."""
    study = planted(0, bump, TRIALS)
    tracker = Tracker(f"sqlite:///{folder}/mlruns/mlflow.db", study.name)
    tracker.create()
    space = {name: row.as_dict() for name, row in SPACE.items()}
    tracker.describe("planted", {"study.space": json.dumps(space), **study.tags})
    for row in study.runs.to_dict("records"):
        params = {"dataset": "digits", "model": "cnn", "seed": 0, **{name: row[name] for name in DOMAINS}}
        tags = {"phase": row["phase"], "trial": row["trial"]}
        run_id = tracker.start(f"{row['phase']}-{row['trial']:03d}", params, tags, [])
        accuracy = row["objective"] * (1 - np.exp(-np.arange(1.0, EPOCHS + 1)))
        curve = {"epoch": range(1, EPOCHS + 1), "train/loss": 1.0, "val/loss": 1.0, "val/accuracy": accuracy}
        files = {HISTORY: pd.DataFrame(curve).to_csv(index=False).encode()}
        summary = {name: row[name] for name in ("objective", "best_objective", "train_seconds", "parameters")}
        tracker.finish(run_id, row["state"], summary, files)


def report(folder: Path) -> tuple[float, int]:
    """Seconds, and the most bytes that its processes did not share."""
    command = [sys.executable, "-m", "reports.findings"]
    started, most = perf_counter(), 0
    process = psutil.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, sum(map(own_memory, (process, *process.children(recursive=True)))))
        with suppress(psutil.TimeoutExpired):
            process.wait(POLL_SECONDS)
    seconds = perf_counter() - started
    assert process.returncode == 0, command
    return seconds, most


def own_memory(process: psutil.Process) -> int:
    """Bytes that it shares with no other process; none if it has ended meanwhile."""
    with suppress(psutil.Error):
        return process.memory_full_info().uss
    return 0
