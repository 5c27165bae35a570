"""Multilayer perceptron."""

from math import prod

from torch import nn

from models.activations import ACTIVATIONS

HIDDEN_UNITS = 128  # per layer at width 1


def mlp(
    shape: tuple[int, int, int], classes: int, depth: int, activation: str, width: float, dropout: float
) -> nn.Module:
    """`depth` hidden layers of `128 * width` units each, every one followed by the activation and dropout."""
    units = max(1, round(HIDDEN_UNITS * width))
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = prod(shape)
    for _ in range(depth):
        layers += [nn.Linear(inputs, units), ACTIVATIONS[activation](), nn.Dropout(dropout)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, classes))
