"""Trials an hour on one device, four ways: `python -m tests.benchmark.gpu --device cuda --data-dir data`.

One trial at a time as the core trains it, several processes on the device, steps captured as a CUDA graph, and trials
of one shape trained as one batch of models. It needs torch and the core alone, neither optuna nor mlflow. A processor
has no graphs, and shows only that the other ways learn: `--device cpu --pictures 2560 --trials 4`.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Part, Splits, load_splits
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import Parser, count, exit_code
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.train import LAYOUT, build, train
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.workers.local import LocalPool
from hyperstudy.study.workers.worker import Job, Outcome

CONFIGS = {
    "MLP, MNIST": Config(dataset="mnist", model="mlp", batch_size=64, last_batch="drop"),
    "LeNet, MNIST": Config(dataset="mnist", model="lenet", batch_size=64, last_batch="drop"),
}
PROCESSES = (4, 16)
WARM_UP = 11  # steps before a capture, as torch's documents advise where gradients are computed


class Measured(NamedTuple):
    seconds: float  # for all trials, building the models included, and 1,024 validation pictures where the core trains
    loss: float  # mean cross-entropy in nats of the last epoch, over trials: all ways must learn alike


def one_at_a_time(config: Config, splits: Splits, trials: int) -> Measured:
    """As the core trains them."""
    started = perf_counter()
    lasts = [list(train(config.replace(seed=seed), splits)) for seed in range(trials)]
    return Measured(perf_counter() - started, sum(history[-1].metrics["train/loss"] for history in lasts) / trials)


def in_processes(count: int, config: Config, splits: Splits, trials: int) -> Measured:
    """By so many workers at once, each a process of its own; their start is not counted."""
    losses: list[float] = []
    histories: dict[int, Epoch] = {}
    with LocalPool(count, splits.mean.device) as pool:
        pool.load(PicturesTask("data", splits.to(torch.device("cpu"))))

        def work(seeds: range, epochs: int) -> None:
            waiting, target = iter(seeds), len(losses) + len(seeds)
            while len(losses) < target:
                for worker in pool.idle():
                    if (seed := next(waiting, None)) is not None:
                        pool.start(worker, Job(config.replace(seed=seed, epochs=epochs)))
                for worker, message in pool.messages(1.0):
                    if isinstance(message, Epoch):
                        histories[worker] = message
                    else:
                        assert isinstance(message, Outcome), message
                        losses.append(histories[worker].metrics["train/loss"])

        work(range(count), 1)
        started = perf_counter()
        work(range(trials), config.epochs)
        return Measured(perf_counter() - started, sum(losses[-trials:]) / trials)


class CapturedStep:
    """One step of Adam as a CUDA graph, captured once and replayed by every trial of its shape."""

    def __init__(self, config: Config, splits: Splits) -> None:
        self.splits, device = splits, splits.mean.device
        self.model = build(config, splits.shape, len(splits.classes)).to(device, memory_format=LAYOUT)
        self.optimizer = torch.optim.Adam(self.model.parameters(), config.lr, fused=True, capturable=True)
        self.rows = torch.zeros(config.batch_size, dtype=torch.int64, device=device)
        self.total = torch.zeros((), device=device)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step()

    def step(self) -> None:
        images, labels = (tensor.index_select(0, self.rows) for tensor in self.splits.train)
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(normalised(images, self.splits)), labels)
        loss.backward()
        self.optimizer.step()
        self.total.add_(loss.detach())

    def restart(self, weights: dict[str, Tensor]) -> None:
        self.model.load_state_dict(weights)
        for state in self.optimizer.state.values():
            for tensor in state.values():
                tensor.zero_()


def captured(config: Config, splits: Splits, trials: int) -> Measured:
    """One at a time, each step one replay of a graph; its capture is counted."""
    losses = []
    started = perf_counter()
    step = CapturedStep(config, splits)
    for seed in range(trials):
        step.restart(build(config.replace(seed=seed), splits.shape, len(splits.classes)).state_dict())
        generator = torch.Generator(splits.mean.device).manual_seed(seed)
        for _ in range(config.epochs):
            step.total.zero_()
            batches = permutation(config, splits, generator)
            for rows in batches:
                step.rows.copy_(rows)
                step.graph.replay()
        losses.append(step.total.item() / len(batches))
    return Measured(perf_counter() - started, sum(losses) / trials)


def batch_of_models(config: Config, splits: Splits, trials: int) -> Measured:
    """All trials in one batch of models, each with weights and permutations of its own."""
    device, started = splits.mean.device, perf_counter()
    models = [build(config.replace(seed=seed), splits.shape, len(splits.classes)) for seed in range(trials)]
    weights, buffers = stack_module_state([model.to(device) for model in models])
    weights = {name: tensor.detach().requires_grad_() for name, tensor in weights.items()}
    optimizer = OPTIMIZERS[config.optimizer](weights.values(), config.lr, config.momentum, config.weight_decay)
    losses_of = vmap(partial(_loss, models[0]), randomness="different")
    generators = [torch.Generator(device).manual_seed(seed) for seed in range(trials)]
    for _ in range(config.epochs):
        total = torch.zeros(trials, device=device)
        orders = torch.stack([torch.stack(permutation(config, splits, one)) for one in generators], dim=1)
        for rows in orders:  # (trials, batch)
            images, labels = (tensor.index_select(0, rows.flatten()) for tensor in splits.train)
            optimizer.zero_grad()
            batches = normalised(images, splits).unflatten(0, rows.shape)
            losses = losses_of(weights, buffers, batches, labels.view(rows.shape))
            losses.sum().backward()
            optimizer.step()
            total += losses.detach()
    loss = total.mean().item() / len(orders)  # waits for the device
    return Measured(perf_counter() - started, loss)


def _loss(
    model: nn.Module, weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor, labels: Tensor
) -> Tensor:
    return functional.cross_entropy(functional_call(model, (weights, buffers), (images,)), labels)


def normalised(images: Tensor, splits: Splits) -> Tensor:
    return images.float().sub_(splits.mean).div_(splits.std)


def permutation(config: Config, splits: Splits, generator: torch.Generator) -> list[Tensor]:
    """The full batches of an epoch's random order, `(batch,)` each, on the device."""
    order = torch.randperm(len(splits.train.labels), generator=generator, device=splits.mean.device)
    return [rows for rows in order.split(config.batch_size) if len(rows) == config.batch_size]


WAYS: dict[str, Callable[[Config, Splits, int], Measured]] = {
    "one at a time": one_at_a_time,
    **{f"{count} processes": partial(in_processes, count) for count in PROCESSES},
    "captured steps": captured,
    "batch of models": batch_of_models,
}


def main() -> int:
    parser = Parser(prog="python -m tests.benchmark.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--pictures", type=count("pictures", 64), default=48_000, help="of training")
    parser.add_argument("--trials", type=count("trials", 1), default=32)
    parser.add_argument("--epochs", type=count("epochs", 1), default=2)
    parser.add_argument("--rounds", type=count("rounds", 1), default=3)
    options = parser.parse(None)
    device = torch.device(options.device)
    splits = load_splits("mnist", options.data_dir, 28)
    splits = splits._replace(train=Part(*(tensor[: options.pictures].clone() for tensor in splits.train)))
    splits = splits._replace(val=Part(*(tensor[:1024].clone() for tensor in splits.val))).to(device)
    ways = {name: way for name, way in WAYS.items() if device.type == "cuda" or way is not captured}
    for name, config in CONFIGS.items():
        one_at_a_time(config.replace(epochs=1), splits, 1)  # the device wakes up
        for _ in range(options.rounds):
            first = None
            for way, measure in ways.items():
                measured = measure(config.replace(epochs=options.epochs), splits, options.trials)
                hourly = options.trials * 3600 / measured.seconds
                first = first or hourly
                print(
                    f"{name}: {way}: {hourly:,.0f} trials/h, {hourly / first:.1f} x, loss {measured.loss:.4f}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(exit_code("tests.benchmark.gpu", main))
