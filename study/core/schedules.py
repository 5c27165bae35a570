"""Learning-rate schedules by name: `SCHEDULES[name](share)` is the factor of lr when that share of training is done.

The share lies in [0, 1); it is 0 at the first step.
"""

from collections.abc import Callable
from math import cos, pi

RISE, START = 0.3, 1 / 25  # of one-cycle: share of the training that the rise takes, factor at the first step


def constant(share: float) -> float:
    return 1.0


def linear(share: float) -> float:
    return 1 - share


def cosine(share: float) -> float:
    """Half a cosine wave from 1 to 0 (Loshchilov & Hutter 2017, equation 5, without restarts)."""
    return (1 + cos(pi * share)) / 2


def one_cycle(share: float) -> float:
    """Up from a 25th to 1, then down to 0 (Smith & Topin 2019).

    Rise and fall are cosine waves, and the rise takes 0.3 of the training, as in torch's `OneCycleLR`. Momentum is left
    as it is.
    """
    if share < RISE:
        return 1 - (1 - START) * cosine(share / RISE)
    return cosine((share - RISE) / (1 - RISE))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "one-cycle": one_cycle,
}


def lr_factor(schedule: str, warmup: float, share: float) -> float:
    """The factor of lr at a share in [0, 1) of the training.

    During warm-up it rises linearly from 0 to where the schedule begins; the schedule takes the rest of the training.
    """
    rise = share / warmup if share < warmup else 1.0
    return rise * SCHEDULES[schedule](max(0.0, share - warmup) / (1 - warmup))
