"""Trials a second of a pool on a Ray cluster beside processes here, and what Ray adds to an epoch and to a trial.

The trials sleep, so that it is the pools that are measured. The cluster's nodes are on this machine.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from rich.console import Console

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.loops import LoopConfig
from hyperstudy.study.core.own import OwnFile, load_own, read_own
from hyperstudy.study.tasks.loop import LoopTask
from hyperstudy.study.workers.pool import Pool, make_pool
from hyperstudy.study.workers.worker import Cluster, Job, Outcome
from tests.benchmark.timing import finished, ratio, run
from tests.clusters import ray_cluster

OWN = """
import time
import hyperstudy as hs

def train(config, seed):
    for _ in range(config.epochs):
        time.sleep(config.rest)
        yield {"score": config.lr}

hs.LOOPS["sleep"] = hs.Loop(
    train,
    {
        "epochs": hs.Hyperparameter("epochs", 5, hs.Range(1, 10), (1, 10000)),
        "rest": hs.Hyperparameter("seconds of an epoch", 0.01, hs.Range(0.0, 1.0), (0, 10)),
        "lr": hs.Hyperparameter("nothing", 0.1, hs.Range(0.1, 1.0), (0, 10), searched=True),
    },
    objective="score",
)
"""
WORKERS = (1, 2, 4, 8)
JOBS = 40  # of 50 ms, for each worker
MANY = 300  # epochs, or trials of one epoch, that take no time
STUDY = ("--loop", "sleep", "--trials", "40", "--confirm-seeds", "0", "--sampler", "random", "--pruner", "none")


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print a line per number of workers, and one per kind of overhead; both pools are measured in turn."""
    with tempfile.TemporaryDirectory() as folder, ray_cluster(max(WORKERS)) as cluster, console.status("two pools"):
        file = Path(folder) / "sleep.py"
        file.write_text(OWN)
        own = read_own(file)
        load_own(own)
        for workers in WORKERS:
            with _pools(cluster.address, workers, own) as (pools, seconds):
                console.print(f"{workers} workers, seconds until they are ready: {_beside([seconds])}", highlight=False)
                rates = [[_rate(pool, JOBS * workers, LoopConfig("sleep")) for pool in pools] for _ in range(rounds)]
                console.print(f"{workers} workers, trials of 50 ms a second: {_beside(rates)}", highlight=False)
                if workers == 1:
                    for what, jobs, epochs in (("epoch", 1, MANY), ("trial", MANY, 1)):
                        config = LoopConfig("sleep", epochs=epochs, rest=0.0)
                        costs = [[1e3 / (_rate(pool, jobs, config) * epochs) for pool in pools] for _ in range(rounds)]
                        console.print(f"ms for an empty {what}: {_beside(costs)}", highlight=False)
            studies = [
                [_study(file, workers, where) for where in ((), ("--cluster", cluster.address))] for _ in range(rounds)
            ]
            console.print(f"{workers} workers, trials of a study a second: {_beside(studies)}", highlight=False)


@contextmanager
def _pools(address: str, workers: int, own: OwnFile) -> Iterator[tuple[list[Pool], list[float]]]:
    """A pool of processes and one on the cluster, and how long each took until its workers had done a trial."""
    with ExitStack() as stack:
        pools, seconds = [], []
        for where in (None, Cluster(address)):
            started = perf_counter()
            pool = stack.enter_context(make_pool(torch.device("cpu"), workers, workers, own, where))
            pool.load(LoopTask("sleep"))
            while len(pool.idle()) < workers:
                list(pool.messages(1.0))
            _rate(pool, workers, LoopConfig("sleep"))
            pools.append(pool)
            seconds.append(perf_counter() - started)
        yield pools, seconds


def _rate(pool: Pool, jobs: int, config: LoopConfig) -> float:
    """Trials a second; each epoch asks whether to prune."""
    begun, ended, started = 0, 0, perf_counter()
    while ended < jobs:
        for worker in pool.idle():
            if begun < jobs:
                pool.start(worker, Job(config, prunable=True))
                begun += 1
        for worker, message in pool.messages(1.0):
            if isinstance(message, Epoch):
                if message.number < config.epochs:
                    pool.answer(worker, False)
            else:
                assert isinstance(message, Outcome), message
                ended += 1
    return jobs / (perf_counter() - started)


def _study(file: Path, workers: int, where: Sequence[str]) -> float:
    """Trials a second from the first finished trial of a study to its last."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "study.run", "--from", str(file), *STUDY, "--workers", str(workers), *where]
        times = finished(run(Path(folder), *words))
    return (len(times) - 1) / (times[-1] - times[0])


def _beside(rounds: Sequence[Sequence[float]]) -> str:
    """Medians of both pools, and the ratio of Ray's to the other with its smallest and largest."""
    here, there = (median(side) for side in zip(*rounds, strict=True))
    return f"processes {here:.2f}, Ray {there:.2f}, ratio {ratio([there / here for here, there in rounds])}"
