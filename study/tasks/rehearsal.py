"""A rehearsal before a study begins, so that a model, augmentation, loss or schedule that cannot work costs nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite

import torch
from torch import Tensor
from torch.nn import functional

from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import Config, family_of
from hyperstudy.study.core.data.splits import Splits
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.losses import LOSSES, class_weights
from hyperstudy.study.core.metrics import METRICS, guessed
from hyperstudy.study.core.own import said
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.core.schedules import lr_factor
from hyperstudy.study.core.train import build, predict

FEW = 4  # pictures
SHARES = (0.0, 0.5, 0.99)  # of the training, at which a schedule is asked for its factor


def rehearse(plan: Plan, splits: Splits) -> None:
    """Raise `InputError` unless the model maps pictures to logits that can be trained, and augmentation, loss and
    schedule give what a step needs: by default, and at the ends of every hyperparameter that is searched. And unless
    every metric is a number for guesses."""
    for name in METRICS:
        with _refusing(f"metric {name!r} fails"):
            found = guessed(name, splits.val.labels, len(splits.classes))
            if not isfinite(found):
                raise InputError(f"metric {name!r} must give a finite number; got {found}")
    ends = (plan.config({name: end}) for name, space in plan.space.items() for end in space.ends)
    few = splits._replace(train=splits.train.first(FEW), val=splits.val.first(FEW))
    for config in dict.fromkeys([plan.base, *ends]):
        assert isinstance(config, Config)  # as all are where pictures are trained on
        framed = few.framed(config.image_size, config.border)
        _rehearse_step(config, framed, _rehearse_model(config, framed, splits.shape))


def _rehearse_model(config: Config, few: Splits, own_shape: tuple[int, int, int]) -> Tensor:
    """The model's logits for the training pictures, of which the data set's own shape is this."""
    images, classes = few.train.images, len(few.classes)
    family = family_of(config.model)
    levels = ", ".join(f"{name}={getattr(config, name)}" for name in family.hyperparameters)
    shown = f"model {config.model!r}" + (f" with {levels}" if levels else "")
    with _refusing(f"{shown} fails on pictures of {_size(images.shape)}"), torch.enable_grad():
        model = build(config, own_shape, classes)
        logits = predict(config, few, model, images)
    if tuple(logits.shape) != (len(images), classes):
        raise InputError(
            f"{shown} must give logits of {len(images)}x{classes} (pictures x classes); got {_size(logits.shape)}"
        )
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{shown} has no parameters to train")
    if not torch.isfinite(functional.cross_entropy(logits, few.train.labels)):
        raise InputError(f"{shown} gives a loss that is not finite before it is trained")
    return logits


def _rehearse_step(config: Config, few: Splits, logits: Tensor) -> None:
    """Call what a training step calls besides the model and the optimizer."""
    (images,), labels = few.train.images.split(FEW), few.train.labels
    augmentation = f"augmentation {config.augmentation!r}"
    with _refusing(f"{augmentation} fails"):
        made = AUGMENTATIONS[config.augmentation](images, torch.Generator().manual_seed(config.seed))
        kinds = [f"{each.dtype} {_size(each.shape)}" for each in (images, made)]
    if kinds[0] != kinds[1]:
        raise InputError(f"{augmentation} must give pictures as it takes them, {kinds[0]}; got {kinds[1]}")
    with _refusing(f"loss {config.loss!r} fails"):
        weights = class_weights(config.class_weights, labels, len(few.classes))
        loss = LOSSES[config.loss](logits, labels, weights, config.label_smoothing)
        if loss.ndim or not torch.isfinite(loss):
            raise InputError(f"loss {config.loss!r} must give one finite number for a batch; got {loss.tolist()}")
    with _refusing(f"schedule {config.schedule!r} fails"):
        factors = [lr_factor(config.schedule, config.warmup, share) for share in SHARES]
        if not all(0 <= factor < float("inf") for factor in factors):
            raise InputError(f"schedule {config.schedule!r} must give factors from 0 up; got {factors}")


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn what is raised into an `InputError` that begins with these words."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{what}: {said(error)}") from None


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
