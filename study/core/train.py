"""The training core: a configuration and pictures in, one record per epoch out.

It knows neither the tracker nor the sampler. Reporting, pruning and stopping are ordinary control flow of the caller.

The metrics of an epoch: losses are in nats, accuracies fractions in [0, 1]. Training loss and accuracy are averages
over the batches, as augmented, while the weights changed; the loss is the one that the steps lower, with its smoothing
and weights. What `METRICS` measures on the validation pictures is the same for all trials. Learning rate and gradient
norm, after clipping, are those of the last step; steps are counted since the start.
"""

import math
from collections.abc import Iterator
from time import perf_counter

import torch
from torch import Tensor, nn

from hyperstudy.models import MODELS, initialise
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import PRECISIONS, Config
from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.data.splits import SCALINGS, Splits, framed_shape
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.losses import LOSSES, class_weights
from hyperstudy.study.core.metrics import measured
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.schedules import lr_factor

EVALUATION_BATCH = 1024  # pictures of 32 x 32 pixels; larger ones are fewer, so that a worker's memory stays the same
LAYOUT = torch.channels_last  # makes convolutions 1.1 to 1.5 times as fast on a CPU, and nothing slower


def devices() -> dict[str, bool]:
    """Whether this machine has each kind of device, fastest first."""
    return {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}


def device(name: str = "auto") -> torch.device:
    """The device of that name; for 'auto' the fastest that this machine has. Raises `InputError` if it has none."""
    here = [kind for kind, present in devices().items() if present]
    if name == "auto":
        return torch.device(here[0])
    if name not in here:
        raise InputError(f"device must be one that this machine has, {' or '.join(here)}; got {name!r}")
    return torch.device(name)


def build(config: Config, shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A freshly initialised model on the CPU for pictures of this `(C, H, W)`, which the configuration resizes.

    The same configuration gives the same weights.
    """
    torch.manual_seed(config.seed)
    family = MODELS[config.model]
    chosen = {name: getattr(config, name) for name in family.hyperparameters}
    network = family.build(framed_shape(shape, config.image_size, config.border), classes, **chosen)
    initialise(network, config.initialisation)
    return network


def train(config: Config, splits: Splits, model: nn.Module | None = None) -> Iterator[Epoch]:
    """Train and yield one record per epoch; stop after the epoch in which the loss is no longer finite.

    `model` is trained in place and moved to where the splits lie; without one, a new one is built. An epoch is a random
    permutation of the training pictures in steps of `batch_size`. A last batch of one picture is left out, since it has
    no variance for batch normalisation; `last_batch` says whether any other that is not full is kept. Dropout draws
    from torch's global generator.
    """
    model = build(config, splits.shape, len(splits.classes)) if model is None else model
    splits = splits.framed(config.image_size, config.border)
    model.to(splits.mean.device).to(memory_format=LAYOUT)
    optimizer = OPTIMIZERS[config.optimizer](model.parameters(), config.lr, config.momentum, config.weight_decay)
    generator = torch.Generator(splits.mean.device).manual_seed(config.seed)
    done = 0
    for epoch in range(1, config.epochs + 1):
        started = perf_counter()
        losses, sizes, accuracy, grad_norm = _train_epoch(config, splits, model, optimizer, generator, done)
        trained = perf_counter()
        found = measured(predict(config, splits, model, splits.val.images), splits.val.labels)
        evaluated = perf_counter()
        diverged_at = _diverged_at(losses, found["loss"], done)
        metrics = {
            "train/loss": (losses @ sizes / sizes.sum()).item(),
            "train/accuracy": accuracy,
            "train/lr": optimizer.param_groups[0]["lr"],
            "train/grad_norm": grad_norm,
            "train/steps": done + len(losses),
            **{f"val/{name}": value for name, value in found.items()},
            "time/train_seconds": trained - started,
            "time/val_seconds": evaluated - trained,
            "time/images_per_second": sizes.sum().item() / (trained - started),
        }
        yield Epoch(epoch, metrics, diverged_at)
        if diverged_at is not None:
            return
        done += len(losses)


def evaluation_batch(shape: tuple[int, ...]) -> int:
    """How many pictures `(N, C, H, W)` go through a network at once when nothing is learnt."""
    return max(1, min(EVALUATION_BATCH, EVALUATION_BATCH * 32**2 // (shape[-2] * shape[-1])))


@torch.inference_mode()
def predict(config: Config, splits: Splits, model: nn.Module, images: Tensor | Mapped) -> Tensor:
    """Logits `(N, classes)` in float32 for pictures `(N, C, H, W)`; the model's mode is left unchanged."""
    training = model.training
    model.eval()
    size, logits = evaluation_batch(images.shape), torch.empty(0)
    for start, batch in zip(range(0, len(images), size), images.split(size), strict=True):
        answers = _forward(config, splits, model, batch)
        if not start:  # in one tensor from the start: small ones between large batches would scatter the memory
            logits = answers if len(images) <= size else answers.new_empty(len(images), *answers.shape[1:])
        logits[start : start + size] = answers
    model.train(training)
    return logits


def _train_epoch(
    config: Config,
    splits: Splits,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    done: int,
) -> tuple[Tensor, Tensor, float, float]:
    """Loss and size of every batch, each `(steps,)` on the CPU; training accuracy; norm of the last gradient.

    `done` is the number of steps before this epoch. Sums stay on the device and are read once, at the end of the epoch.
    """
    images, labels = splits.train
    batches = _batches(config, labels, generator)
    losses, hits = torch.empty(len(batches), device=labels.device), torch.zeros((), device=labels.device)
    augment, loss_of, smoothing = AUGMENTATIONS[config.augmentation], LOSSES[config.loss], config.label_smoothing
    weights = class_weights(config.class_weights, labels, len(splits.classes))
    scheduled, clip = config.schedule != "constant" or config.warmup > 0, config.clip
    for step, rows in enumerate(batches):
        if scheduled:
            _set_lr(config, optimizer, (done + step) / (config.epochs * len(batches)))
        optimizer.zero_grad()
        batch, truth = augment(images.index_select(0, rows), generator), labels.index_select(0, rows)
        logits = _forward(config, splits, model, batch)
        loss = loss_of(logits, truth, weights, smoothing)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses[step] = loss.detach()
        hits += (logits.detach().argmax(1) == truth).sum()
    sizes = torch.tensor([float(len(rows)) for rows in batches])
    norm = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    return losses.cpu(), sizes, hits.item() / sizes.sum().item(), norm.item()


def _batches(config: Config, labels: Tensor, generator: torch.Generator) -> list[Tensor]:
    """The rows of each batch of an epoch, in a random order."""
    order = torch.randperm(len(labels), generator=generator, device=labels.device)
    fewest = config.batch_size if config.last_batch == "drop" else 2
    return [rows for rows in order.split(config.batch_size) if len(rows) >= fewest] or [order]


def _set_lr(config: Config, optimizer: torch.optim.Optimizer, share: float) -> None:
    """Set the learning rate of the step before which that share of the training was done."""
    factor = lr_factor(config.schedule, config.warmup, share)
    for group in optimizer.param_groups:
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])


def _forward(config: Config, splits: Splits, model: nn.Module, images: Tensor) -> Tensor:
    """Logits in float32 for a batch of pictures."""
    shift, scale = SCALINGS[config.scaling](splits)
    own = images.clone() if images.is_floating_point() else images.float()  # the pictures stay as they are
    normalised = own.contiguous(memory_format=LAYOUT).sub_(shift).div_(scale)
    dtype = PRECISIONS[config.precision]
    with torch.autocast(images.device.type, dtype, enabled=dtype is not torch.float32):
        return model(normalised).float()


def _diverged_at(losses: Tensor, val_loss: float, done: int) -> int | None:
    """The first step, counted from 1 over all epochs, whose loss was not finite; None if all were.

    A validation loss that is not finite counts against the step that led to it.
    """
    bad = (~losses.isfinite()).nonzero()
    if len(bad):
        return done + int(bad[0]) + 1
    return None if math.isfinite(val_loss) else done + len(losses)
