"""What driving and tracking add: a study against its own trials trained by the same workers without any store."""

import csv
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from rich.console import Console

from study.artifacts import CONFIG, HISTORY
from study.config import Config
from study.environment import cores
from study.plan import make_plan, read_splits
from study.stores import TRACKING_URI
from study.track import Tracker
from study.train import Epoch
from study.workers import Job, Outcome, Pool
from tests.benchmark.timing import Line, finished, ratio, run

STUDIES = {
    "default study of the digits": ("digits", "cnn", 50, {}),
    "LeNet on MNIST, 8 trials of 2 epochs": ("mnist", "lenet", 8, {"epochs": "2"}),
}
DATABASE = TRACKING_URI.removeprefix("sqlite:///")
SPENT = re.compile(r"training ([\d.]+) s, tracking ([\d.]+) s .* driving ([\d.]+) s")


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print how much longer a study takes, from its first finished trial to its last, and what it says itself."""
    for name, (dataset, model, trials, given) in STUDIES.items():
        plan = make_plan(dataset, model, given)
        words = ["--dataset", dataset, "--model", model, "--trials", str(trials), "--confirm-seeds", "0"]
        words += [word for option, value in given.items() for word in (f"--{option}", value)]
        ratios, shares = [], []
        with Pool(cores(), read_splits(plan, data_dir), torch.device("cpu")) as pool, console.status(name):
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as folder:
                    lines = run(Path(folder), "-m", "study.run", *words, "--data-dir", str(data_dir))
                    times = finished(lines)
                    alone = trained_alone(pool, list(trained(Path(folder), f"{dataset}-{model}")))
                ratios.append((times[-1] - times[0]) / alone)
                shares.append(overhead(lines) / lines[-1].seconds)
        console.print(
            f"{name}: time against its trials alone {ratio(ratios)}; tracking and driving, of the command's "
            f"time: {ratio(shares)}"
        )


def trained(folder: Path, study: str) -> Iterator[Config]:
    """The configurations of a study in the order in which they were started, each to the epoch that it reached."""
    started = {run.run_id: run.start_ms for run in Tracker(f"sqlite:///{folder}/{DATABASE}", study).runs()}
    for path in sorted(folder.rglob(CONFIG), key=lambda path: started[path.parents[1].name]):
        epochs = sum(1 for _ in csv.DictReader((path.parent / HISTORY).open()))
        yield replace(Config(**json.loads(path.read_text())["config"]), epochs=epochs)


def trained_alone(pool: Pool, configs: list[Config]) -> float:
    """Seconds from the first to the last finished trial when the pool does nothing else."""
    times, waiting = [], iter(configs)
    with tempfile.TemporaryDirectory() as folder:
        while len(times) < len(configs):
            for worker, config in zip(pool.idle(), waiting, strict=False):
                pool.start(worker, Job(config, Path(tempfile.mkdtemp(dir=folder))))
            for _, message in pool.messages(1.0):
                assert isinstance(message, Epoch | Outcome), message
                if isinstance(message, Outcome):
                    times.append(perf_counter())
    return times[-1] - times[0]


def overhead(lines: list[Line]) -> float:
    """Seconds that a study says it spent on tracking and driving."""
    _, tracking, driving = next(match for line in lines if (match := SPENT.search(line.text))).groups()
    return float(tracking) + float(driving)
