"""Softmax regression: one linear layer from pixels to logits."""

from math import prod

from torch import nn


def softmax(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A linear classifier; the softmax itself is part of the loss."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), classes))
