"""Activation functions by name, alone and with pooling behind them."""

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}

MONOTONE = frozenset({"relu", "leaky-relu", "elu", "tanh", "sigmoid"})  # never fall, so the maximum may be taken first


def pooled(activation: str) -> list[nn.Module]:
    """The activation and 2x2 max pooling, in the order in which the same numbers take the least work.

    A monotone function has its maximum where its argument has it, so pooling first leaves it a quarter to do.
    """
    layers = [ACTIVATIONS[activation](), nn.MaxPool2d(2)]
    return layers[::-1] if activation in MONOTONE else layers
