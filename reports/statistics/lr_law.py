"""How the best learning rate changes with the batch size: its exponent, to compare with the usual rules.

The rules are 0 (keep it), 1/2 (square root: Krizhevsky 2014; Malladi et al., NeurIPS 2022, for Adam) and 1 (linear:
Goyal et al. 2017, for SGD). None of them holds everywhere.
"""

from typing import NamedTuple

import numpy as np

from hyperstudy.reports.statistics.effects import AROUND, around
from hyperstudy.reports.statistics.posterior import Posterior
from hyperstudy.study.core.domains import Range

RULES = {"0 (none)": 0.0, "1/2 (square root)": 0.5, "1 (linear)": 1.0}
LEARNING_RATES, BATCH_SIZES = 41, 5
INSIDE = 0.9  # share of draws whose best learning rates must lie within the range


class LrLaw(NamedTuple):
    """lr* grows as batch size to the power of `exponent`; `best` holds lr* by batch size: value, low, high."""

    exponent: float
    low: float
    high: float
    batch_sizes: np.ndarray
    best: np.ndarray  # (3, batch sizes)


def lr_law(posterior: Posterior) -> LrLaw | None:
    """The exponent, from the best learning rate at several batch sizes in every draw of the posterior.

    None if the two were not searched as ranges, or if the best learning rate lies at an end of its range.
    """
    rates, sizes = (posterior.domains.get(name) for name in ("lr", "batch_size"))
    if not isinstance(rates, Range) or not isinstance(sizes, Range):
        return None
    lr, size = np.linspace(0, 1, LEARNING_RATES), np.linspace(0.1, 0.9, BATCH_SIZES)
    grid = np.array([(one, two) for two in size for one in lr])
    values = posterior.draws(around(posterior, ("lr", "batch_size"), grid))
    best = values.reshape(BATCH_SIZES, LEARNING_RATES, AROUND, -1).mean(2).argmax(1)
    inside = ((best > 0) & (best < LEARNING_RATES - 1)).all(0)
    if inside.mean() < INSIDE:
        return None
    logarithms = np.log(rates.values(lr))[best[:, inside]]
    batch_sizes = sizes.values(size)
    exponents = np.polyfit(np.log(batch_sizes), logarithms, 1)[0]
    low, middle, high = np.quantile(exponents, [0.025, 0.5, 0.975])
    curve = np.exp(np.quantile(logarithms, [0.5, 0.025, 0.975], axis=1))
    return LrLaw(float(middle), float(low), float(high), batch_sizes, curve)
