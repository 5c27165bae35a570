"""Initial weights of convolutions and linear layers, by name. All other layers keep torch's."""

from collections.abc import Callable

from torch import Tensor, nn

NORMAL_STD = 0.01

INITIALISATIONS: dict[str, Callable[[Tensor], Tensor] | None] = {
    "torch": None,  # torch's own initialisation
    "normal": lambda weight: nn.init.normal_(weight, std=NORMAL_STD),
    "xavier": nn.init.xavier_uniform_,  # Glorot & Bengio 2010
    "he": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),  # He et al. 2015
}


def initialise(network: nn.Module, name: str) -> None:
    """Draw new weights for all convolutions and linear layers and set their biases to 0, unless `name` is torch."""
    draw = INITIALISATIONS[name]
    for layer in network.modules():
        if draw is not None and isinstance(layer, nn.Conv2d | nn.Linear):
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
