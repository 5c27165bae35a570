"""Update rules by name: `OPTIMIZERS[name](parameters, lr, momentum, weight_decay)`."""

from collections.abc import Callable, Iterable

from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

BETA2 = 0.999  # Kingma & Ba 2015, section 2


def sgd(parameters: Iterable[Parameter], lr: float, momentum: float, weight_decay: float) -> Optimizer:
    return SGD(parameters, lr, momentum=momentum, weight_decay=weight_decay, fused=True)


def adam(parameters: Iterable[Parameter], lr: float, momentum: float, weight_decay: float) -> Optimizer:
    """Adam with beta1 = momentum; its weight decay is an L2 penalty in the gradient."""
    return Adam(parameters, lr, betas=(momentum, BETA2), weight_decay=weight_decay, fused=True)


def adamw(parameters: Iterable[Parameter], lr: float, momentum: float, weight_decay: float) -> Optimizer:
    """Adam with beta1 = momentum and decoupled weight decay (Loshchilov & Hutter 2019)."""
    return AdamW(parameters, lr, betas=(momentum, BETA2), weight_decay=weight_decay, fused=True)


def rmsprop(parameters: Iterable[Parameter], lr: float, momentum: float, weight_decay: float) -> Optimizer:
    return RMSprop(parameters, lr, momentum=momentum, weight_decay=weight_decay)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": sgd, "adam": adam, "adamw": adamw, "rmsprop": rmsprop}
