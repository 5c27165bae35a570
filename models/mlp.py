"""Multilayer perceptron."""

from collections.abc import Sequence
from math import prod

from torch import nn

from hyperstudy.models.activations import ACTIVATIONS

HIDDEN_UNITS = 128  # per layer at width 1
DIAMOND = (128, 256, 128, 64)


def mlp(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """`depth` hidden layers of `128 * width` units each, every one followed by the activation and dropout."""
    return _layers(shape, classes, [HIDDEN_UNITS] * depth, activation, width, dropout)


def diamond_mlp(shape: tuple[int, int, int], classes: int, activation: str, width: float, dropout: float) -> nn.Module:
    """Hidden layers of 128, 256, 128 and 64 units, times `width`: the layout of a tutorial on MNIST."""
    return _layers(shape, classes, DIAMOND, activation, width, dropout)


def _layers(
    shape: tuple[int, int, int], classes: int, hidden: Sequence[int], activation: str, width: float, dropout: float
) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = prod(shape)
    for count in hidden:
        units = max(1, round(count * width))
        layers += [nn.Linear(inputs, units), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
