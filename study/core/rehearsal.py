"""A rehearsal before a study begins, so that a model that cannot work costs nothing."""

import torch
from hyperstudy.study.core.config import Config, family_of
from hyperstudy.study.core.data import Splits
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.own import said
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.core.train import build, predict
from torch.nn import functional

FEW = 4  # pictures


def rehearse(plan: Plan, splits: Splits) -> None:
    """Raise `InputError` unless the model maps pictures to logits that can be trained, by default and at the ends of
    every hyperparameter of its own."""
    configs = [plan.base, *(plan.config({name: end}) for name, space in plan.space.items() for end in space.ends)]
    few = splits._replace(train=splits.train.first(FEW), val=splits.val.first(FEW))
    for config in dict.fromkeys(configs):
        _rehearse(config, few.framed(config.image_size, config.border), splits.shape)


def _rehearse(config: Config, few: Splits, own_shape: tuple[int, int, int]) -> None:
    """Try the configuration on framed pictures, of which the data set's own shape is this."""
    images, classes = few.train.images, len(few.classes)
    family = family_of(config.model)
    levels = ", ".join(f"{name}={getattr(config, name)}" for name in family.hyperparameters)
    shown = f"model {config.model!r}" + (f" with {levels}" if levels else "")
    try:
        model = build(config, own_shape, classes)
        with torch.enable_grad():
            logits = predict(config, few, model, images)
    except InputError:
        raise
    except Exception as error:
        shape = "x".join(map(str, images.shape))
        raise InputError(f"{shown} fails on pictures of {shape}: {said(error)}") from None
    if tuple(logits.shape) != (len(images), classes):
        got = "x".join(map(str, logits.shape))
        raise InputError(f"{shown} must give logits of {len(images)}x{classes} (pictures x classes); got {got}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{shown} has no parameters to train")
    if not torch.isfinite(functional.cross_entropy(logits, few.train.labels)):
        raise InputError(f"{shown} gives a loss that is not finite before it is trained")
