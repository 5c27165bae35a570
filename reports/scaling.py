"""How the best learning rate moves with the batch size: an exponent, to hold against the rules that are taught.

None holds everywhere: 0 (keep it), 1/2 (square root, Krizhevsky 2014; Malladi et al., NeurIPS 2022, for Adam) and 1
(linear, Goyal et al. 2017, for SGD).
"""

from typing import NamedTuple

import numpy as np

from reports.scales import unscaled
from reports.surrogate import Surrogate

RULES = {"0 (none)": 0.0, "1/2 (square root)": 0.5, "1 (linear)": 1.0}
GRID, BATCH_SIZES = 61, 7
INSIDE = 0.9  # share of replicates whose best learning rates must lie within the range


class Scaling(NamedTuple):
    """lr* grows as batch size to the power of `exponent`; `best` holds lr* by batch size: value, low, high."""

    exponent: float
    low: float
    high: float
    batch_sizes: np.ndarray
    best: np.ndarray  # (3, batch sizes)


def lr_scaling(surrogate: Surrogate) -> Scaling | None:
    """The exponent, from the best learning rate at several batch sizes in every replicate of a surrogate of accuracy.

    Not of ranks: they bend the top of the curve, which makes its place seem to move less than it does. None if the two
    were not searched as ranges, or where the best learning rate lies at an end of its range: its place is then not
    known.
    """
    rows = [surrogate.space.get(name) for name in ("lr", "batch_size")]
    if any(row is None or row["kind"] != "range" for row in rows):
        return None
    lr, size = np.linspace(0, 1, GRID), np.linspace(0.1, 0.9, BATCH_SIZES)
    grid = np.array([(one, two) for two in size for one in lr])
    values = surrogate.along(("lr", "batch_size"), grid).reshape(BATCH_SIZES, GRID, -1)
    best = values.argmax(1)
    inside = ((best > 0) & (best < GRID - 1)).all(0)
    if not inside[0] or inside.mean() < INSIDE:
        return None
    logarithms = np.log(unscaled(lr, rows[0]))[best[:, inside]]
    batch_sizes = unscaled(size, rows[1])
    exponents = np.polyfit(np.log(batch_sizes), logarithms, 1)[0]
    low, high = np.quantile(exponents[1:], [0.025, 0.975])
    band = np.quantile(logarithms[:, 1:], [0.025, 0.975], axis=1)
    curve = np.exp(np.vstack([logarithms[:, 0], band]))
    return Scaling(float(exponents[0]), float(low), float(high), batch_sizes, curve)
