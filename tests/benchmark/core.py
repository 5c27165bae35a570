"""Training pictures a second: the tutorials' loop, ours with one worker, and ours with a worker per core."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from hyperstudy.study.comparisons.published import RECIPES
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Part, Splits, load_splits
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.outputs.environment import cores
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, Outcome
from tests.benchmark import tutorials
from tests.benchmark.timing import ratio

MATRIX = 1024  # rows and columns of the product whose rate counts as the machine's peak
VAL_PICTURES = 1024  # enough to see that both sides learn
CIFAR = RECIPES["cnn-cifar10"].config("cifar10-jpeg")


class Case(NamedTuple):
    """What is trained, on how many pictures an epoch, and the network as a tutorial writes it."""

    config: Config
    pictures: int  # a second or two of the slowest side
    network: Callable[[], nn.Module]
    epochs: int = 3  # of one measurement of ours, of which the first warms up; enough for workers to overlap


CASES = {
    "mlp-sigmoid, MNIST": Case(RECIPES["mlp-sigmoid-mnist"].config("mnist"), 12_800, tutorials.diamond_mlp),
    "LeNet, MNIST": Case(RECIPES["lenet-mnist"].config("mnist"), 9_600, tutorials.lenet),
    "CNN, CIFAR-10 (JPEG)": Case(CIFAR, 3_200, partial(tutorials.cnn, 3, 32, 5)),
    "default CNN, digits": Case(Config(), 1_149, partial(tutorials.cnn, 1, 8, 3), epochs=30),
}
CPU = Path("/proc/cpuinfo")
if CPU.exists() and "avx512_bf16" in CPU.read_text():  # elsewhere bf16 is emulated, at a tenth of the speed
    CASES["CNN, CIFAR-10 (JPEG), ours in bf16"] = CASES["CNN, CIFAR-10 (JPEG)"]._replace(
        config=CIFAR.replace(precision="bf16")
    )


class Round(NamedTuple):
    """One measurement of each side, in pictures a second, and the peak beside them, in FLOP a second."""

    tutorials: float
    one_worker: float
    worker_per_core: float
    peak: float


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print a row per case; ratios are medians over rounds, with the smallest and the largest."""
    table = Table(
        "images/s", "tutorials", "one worker", "per core", "one / tutorials", "per core / tutorials", box=None
    )
    table.add_column("share of peak")
    for name, case in CASES.items():
        with console.status(f"{name}: {rounds} rounds of three sides"):
            measured = measure(case, data_dir, rounds)
        table.add_row(name, *_cells(measured, flops_per_picture(case, data_dir)))
    console.print(table)


def measure(case: Case, data_dir: Path, rounds: int) -> list[Round]:
    """The three sides and the peak in turn, `rounds` times, after one round that warms up."""
    splits = load(case, data_dir)
    with LocalPool(cores(), torch.device("cpu")) as pool:
        pool.load(PicturesTask("data", splits))
        sides: list[Callable[[], float]] = [
            lambda: tutorials_rate(case, splits),
            lambda: our_rate(case, pool, 1),
            lambda: our_rate(case, pool, len(pool)),
            peak,
        ]
        return [Round(*(side() for side in sides)) for _ in range(rounds + 1)][1:]


def load(case: Case, data_dir: Path) -> Splits:
    splits = load_splits(case.config.dataset, data_dir, case.config.image_size)
    train, val = (
        Part(part.images[:count].clone(), part.labels[:count].clone())
        for part, count in ((splits.train, case.pictures), (splits.val, VAL_PICTURES))
    )
    return splits._replace(train=train, val=val)


def tutorials_rate(case: Case, splits: Splits) -> float:
    """Pictures a second of a second epoch in all threads, evaluation left out."""
    _, epoch = islice(tutorials.train(case.config, splits, case.network()), 2)
    return epoch.pictures / epoch.train_seconds


def our_rate(case: Case, pool: LocalPool, jobs: int) -> float:
    """Pictures a second of so many workers together, evaluation left out."""
    histories: dict[int, list[Epoch]] = {worker: [] for worker in range(jobs)}
    for worker in histories:
        pool.start(worker, Job(case.config.replace(epochs=case.epochs, seed=worker)))
    while len(pool.idle()) < len(pool):
        for worker, message in pool.messages(1.0):
            if isinstance(message, Epoch):
                histories[worker].append(message)
            else:
                assert isinstance(message, Outcome), message
    return sum(
        median(epoch.metrics["time/images_per_second"] for epoch in history[1:]) for history in histories.values()
    )


def peak() -> float:
    """FLOP a second of a float32 matrix product in all threads."""
    left, right = torch.randn(2, MATRIX, MATRIX)
    seconds = []
    for _ in range(20):
        started = perf_counter()
        left @ right
        seconds.append(perf_counter() - started)
    return 2 * MATRIX**3 / median(seconds)


def flops_per_picture(case: Case, data_dir: Path) -> float:
    """Of one training step, forward and backward; products and convolutions alone are counted."""
    splits = load(case, data_dir).framed(case.config.image_size, case.config.border)
    images, labels = (tensor[: case.config.batch_size] for tensor in splits.train)
    with FlopCounterMode(display=False) as counter:
        functional.cross_entropy(case.network()(images.float()), labels).backward()
    return counter.get_total_flops() / len(labels)


def _cells(rounds: list[Round], flops: float) -> list[str]:
    rates = [f"{median(side):,.0f}" for side in list(zip(*rounds, strict=True))[:3]]
    shares = [median(getattr(round_, side) * flops / round_.peak for round_ in rounds) for side in Round._fields[:3]]
    return [
        *rates,
        ratio([round_.one_worker / round_.tutorials for round_ in rounds]),
        ratio([round_.worker_per_core / round_.tutorials for round_ in rounds]),
        " ".join(f"{share:.0%}" for share in shares),
    ]
