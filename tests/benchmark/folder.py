"""A folder of 100,000 pictures of 64 pixels: how long it takes to read, and what memory two workers need to train."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import psutil
import torch
from PIL import Image
from rich.console import Console
from rich.progress import track

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Splits, load_splits
from hyperstudy.study.core.train import Epoch
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, Outcome
from tests.benchmark.memory import is_worker

CLASSES, EACH, SIDE = 100, 1000, 64
WORKERS = 2
FEW = 1000  # pictures, against which all are compared
POLL_SECONDS = 0.5


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print the seconds of the first and the second start, and a worker's memory in one epoch of an MLP."""
    with tempfile.TemporaryDirectory() as folder:
        top, cache = Path(folder, "pictures"), Path(folder, "data")
        draw(top)
        for start in ("first", "second"):
            started, spent = perf_counter(), process_time()
            splits = load_splits(f"folder:{top}", cache, SIDE)
            seconds, spent = perf_counter() - started, process_time() - spent
            console.print(f"folder: {start} start {seconds:.1f} s, {spent:.1f} s of processor time")
        size = sum(file.stat().st_size for file in cache.rglob("*.npy")) / 2**20
        console.print(f"folder: {CLASSES * EACH:,} pictures in a file of {size:.0f} MiB")
        others = set(psutil.Process().children())
        with LocalPool(WORKERS, torch.device("cpu")) as pool:
            workers = [child for child in set(psutil.Process().children()) - others if is_worker(child)]
            few = splits._replace(train=splits.train.first(FEW), val=splits.val.first(FEW))
            for name, given in ((f"{FEW:,} of them", few), ("all", splits)):
                separate, unique = trained(pool, workers, given)
                console.print(f"folder: a worker on {name}: {separate:.0f} MiB not shared, {unique:.0f} MiB unique")


def trained(pool: LocalPool, workers: Sequence[psutil.Process], splits: Splits) -> np.ndarray:
    """The most memory that a worker had, in MiB, while all trained on the pictures for one epoch."""
    pool.load(PicturesTask("data", splits))
    for worker in pool.idle():
        pool.start(worker, Job(Config(model="mlp", image_size=SIDE, epochs=1, seed=worker)))
    sizes = []
    while len(pool.idle()) < WORKERS:
        sizes += [memory(worker) for worker in workers]
        for _, message in pool.messages(POLL_SECONDS):
            assert isinstance(message, Epoch | Outcome), message
    return np.max(sizes, 0) / 2**20


def memory(process: psutil.Process) -> tuple[int, int]:
    """Resident memory without what may be shared, and what no other process has, in bytes."""
    info = process.memory_full_info()
    return info.rss - info.shared, info.uss


def draw(top: Path) -> None:
    """JPEGs of random blotches, brighter from class to class."""
    generator = np.random.default_rng(0)
    for number in track(range(CLASSES), "drawing", transient=True):
        folder = top / f"class-{number:03d}"
        folder.mkdir(parents=True)
        for index, pixels in enumerate(generator.integers(0, 156 + number, (EACH, 8, 8, 3), dtype=np.uint8)):
            Image.fromarray(pixels).resize((SIDE, SIDE)).save(folder / f"{index:04d}.jpg", quality=90)
