"""Training losses by name: `LOSSES[name](logits, labels, weights, smoothing)`, a mean over the batch in nats.

Logits are `(N, classes)`, labels `(N,)`. `weights` `(classes,)` says how much the pictures of each class count, or is
None; `smoothing` in [0, 1) is the share of a picture's target that is spread evenly over all classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

FOCUS = 2.0  # gamma of the focal loss; Lin et al. found it to work best


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """With label smoothing as Szegedy et al. 2016, section 7; weighted, the mean is divided by the batch's weights."""
    return functional.cross_entropy(logits, labels, weights, label_smoothing=smoothing)


def focal(logits: Tensor, labels: Tensor, weights: Tensor | None, smoothing: float) -> Tensor:
    """Cross-entropy times (1 - p)^2, p the probability of the true class: what is easy counts little (Lin et al. 2017,
    equation 5)."""
    each = functional.cross_entropy(logits, labels, weights, reduction="none", label_smoothing=smoothing)
    known = logits.softmax(1).gather(1, labels[:, None]).squeeze(1)
    return ((1 - known) ** FOCUS * each).mean()


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor | None, float], Tensor]] = {
    "cross-entropy": cross_entropy,
    "focal": focal,
}


def class_weights(kind: str, labels: Tensor, classes: int) -> Tensor | None:
    """Weights `(classes,)` by which all classes count alike, with mean 1 over the pictures; None for 'none'.

    Those of pictures with these labels `(N,)`. A class without pictures has the weight of one with a single picture.
    """
    if kind == "none":
        return None
    return len(labels) / (classes * torch.bincount(labels, minlength=classes).clamp(min=1))
