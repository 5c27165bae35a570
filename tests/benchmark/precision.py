"""What bf16 costs in accuracy and saves in time: the CNN on CIFAR-10 (JPEG), both precisions over the same seeds."""

from collections.abc import Iterable
from pathlib import Path
from statistics import median, stdev

import torch
from rich.console import Console

from hyperstudy.study.comparisons.seeds import paired_difference
from hyperstudy.study.core.config import PRECISIONS, Config
from hyperstudy.study.core.data.splits import Splits, load_splits
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.outputs.environment import cores
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, Outcome
from tests.benchmark.core import CIFAR
from tests.benchmark.timing import ratio


def benchmark(console: Console, data_dir: Path, rounds: int) -> None:
    """Print the difference in validation accuracy after the last epoch beside what seeds alone make of it."""
    splits = load_splits(CIFAR.dataset, data_dir, CIFAR.image_size)
    seeds = range(max(2, rounds))
    with console.status(f"precision, {len(seeds)} seeds of each"):
        accuracy, rates = {}, {}
        for precision, histories in trained(CIFAR, splits, seeds).items():
            accuracy[precision] = [epochs[-1].metrics["val/accuracy"] for epochs in histories]
            rates[precision] = [
                median(epoch.metrics["time/images_per_second"] for epoch in epochs) for epochs in histories
            ]
    noise = stdev(accuracy["float32"])
    faster = [ours / theirs for ours, theirs in zip(rates["bf16"], rates["float32"], strict=True)]
    console.print(
        f"precision: bf16 - float32 {paired_difference(accuracy['bf16'], accuracy['float32'])} in validation accuracy "
        f"over {len(seeds)} seeds, whose deviation in float32 is {noise:.4f}; pictures per second {ratio(faster)}"
    )


def trained(config: Config, splits: Splits, seeds: Iterable[int]) -> dict[str, list[list[Epoch]]]:
    """The epochs of a configuration in every precision and with every seed, in turns."""
    jobs = iter([(precision, seed) for seed in seeds for precision in PRECISIONS])
    histories: dict[str, dict[int, list[Epoch]]] = {precision: {} for precision in PRECISIONS}
    at_work: dict[int, list[Epoch]] = {}
    with LocalPool(cores(), torch.device("cpu")) as pool:
        pool.load(PicturesTask("data", splits))
        while True:
            for worker, (precision, seed) in zip(pool.idle(), jobs, strict=False):
                at_work[worker] = histories[precision][seed] = []
                pool.start(worker, Job(config.replace(precision=precision, seed=seed)))
            if len(pool.idle()) == len(pool):
                return {precision: [*by_seed.values()] for precision, by_seed in histories.items()}
            for worker, message in pool.messages(1.0):
                if isinstance(message, Epoch):
                    at_work[worker].append(message)
                else:
                    assert isinstance(message, Outcome), message
