"""Metrics by which a network's answers are judged: a row each, of which a study's objective is one.

To add a metric, add a row to `METRICS`; `val/NAME` is then charted after every epoch.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Metric(NamedTuple):
    """A metric: `measure` gives one number from logits `(N, classes)` and labels `(N,)`, both on one device.

    `least` and `most` are the values that it can have at all; None: any.
    """

    measure: Callable[[Tensor, Tensor], float]
    maximize: bool = True
    unit: str = ""
    least: float | None = None
    most: float | None = None


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of right answers."""
    return (logits.argmax(1) == labels).sum().item() / len(labels)  # a count: Apple's GPUs have no float64


def loss(logits: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy in nats."""
    return functional.cross_entropy(logits, labels).item()


def balanced_accuracy(logits: Tensor, labels: Tensor) -> float:
    """The mean over classes of the share of each class's pictures that are answered right."""
    right, true, _ = _counts(logits, labels)
    there = true > 0
    return (right[there] / true[there]).mean().item()


def macro_f1(logits: Tensor, labels: Tensor) -> float:
    """The mean over classes, of those that are true or answered at least once, of the harmonic mean of precision and
    recall."""
    right, true, answered = _counts(logits, labels)
    there = true + answered > 0
    return (2 * right[there] / (true + answered)[there]).mean().item()


def _counts(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Right answers, pictures and answers of each class, `(classes,)`."""
    answers, classes = logits.argmax(1), logits.shape[1]
    groups = (labels[answers == labels], labels, answers)
    right, true, answered = (torch.bincount(group, minlength=classes).float().cpu() for group in groups)
    return right, true, answered


METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, least=0.0, most=1.0),
    "loss": Metric(loss, maximize=False, unit="nats", least=0.0),
    "balanced-accuracy": Metric(balanced_accuracy, least=0.0, most=1.0),
    "macro-f1": Metric(macro_f1, least=0.0, most=1.0),
}


def measured(logits: Tensor, labels: Tensor) -> dict[str, float]:
    """Every metric by name; none is a number where logits are not finite."""
    if not logits.isfinite().all():
        return dict.fromkeys(METRICS, math.nan)
    return {name: float(row.measure(logits, labels)) for name, row in METRICS.items()}


def guessed(name: str, labels: Tensor, classes: int) -> float:
    """What a metric is if every picture gets the classes' frequencies as its answer: what a network gives that has
    learned nothing."""
    frequencies = torch.bincount(labels, minlength=classes) / len(labels)
    return float(METRICS[name].measure(frequencies.clamp(min=1e-9).log().expand(len(labels), -1), labels))
