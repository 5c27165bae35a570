"""What learning curves say: how a run ended, and what a pruner costs and saves."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

FEWEST_EPOCHS = 5  # of a curve that gets a tag
OVERFITTED = 1.1  # validation loss at the end, as a multiple of its minimum
STARTUP, WARMUP = 5, 0.2  # trials, and share of the epochs, before the median rule prunes
IMPROVING, OVERFITTING, UNSTABLE, SETTLED = "still improving", "overfitting", "unstable late", "settled"


def ending(curve: pd.DataFrame, noise: float) -> str:
    """How a run ended, by epochs in order with `objective`, larger being better, and `val/loss` and `train/loss` where
    they are known; `noise` is in the objective.

    Unstable late: the objective fell by more than four times the noise from one epoch to the next in the second half.
    Still improving: the mean of the last quarter exceeds that of the quarter before by more than the noise.
    Overfitting: the validation loss ends more than a tenth above its minimum while the training loss kept falling.
    Empty below five epochs.
    """
    if len(curve) < FEWEST_EPOCHS:
        return ""
    values, quarter = curve.objective.to_numpy(float), max(1, len(curve) // 4)
    if np.diff(values[-(len(curve) // 2) - 1 :]).min() < -4 * noise:
        return UNSTABLE
    if values[-quarter:].mean() - values[-2 * quarter : -quarter].mean() > noise:
        return IMPROVING
    if not {"val/loss", "train/loss"} <= set(curve):
        return SETTLED
    loss, train = (curve[name].to_numpy(float) for name in ("val/loss", "train/loss"))
    least = int(np.nanargmin(loss)) if np.isfinite(loss).any() else 0
    return OVERFITTING if loss[-1] > OVERFITTED * loss[least] and train[-1] < train[least] else SETTLED


class Audit(NamedTuple):
    """What the median rule would have done to designed trials: the share of epochs saved, the number of trials pruned,
    and by how much the best that remains is below the best of all."""

    saved: float
    pruned: int
    trials: int
    regret: float


def audit(curves: Mapping[int, np.ndarray]) -> Audit | None:
    """The median rule (Golovin et al., KDD 2017) replayed over finished curves of the objective by trial number.

    Larger is better. A trial stops after an epoch at which its best so far is below the median of the earlier trials
    that ran to their end. None below twice the number of trials that the rule starts with.
    """
    if len(curves) < 2 * STARTUP:
        return None
    ends: dict[int, int] = {}
    for number, curve in sorted(curves.items()):
        whole = [curves[other] for other, end in ends.items() if end == len(curves[other])]
        ends[number] = _stop(curve, whole) if len(whole) >= STARTUP else len(curve)
    saved = 1 - sum(ends.values()) / sum(map(len, curves.values()))
    kept = [curves[number][-1] for number, end in ends.items() if end == len(curves[number])]
    regret = max(curve[-1] for curve in curves.values()) - max(kept)
    return Audit(saved, len(curves) - len(kept), len(curves), float(regret))


def _stop(curve: np.ndarray, seen: list[np.ndarray]) -> int:
    """The number of epochs after which the rule stops the curve; all of them if it never does."""
    for epoch in range(max(1, int(len(curve) * WARMUP)), len(curve)):
        others = [other[epoch - 1] for other in seen if len(other) >= epoch]
        if others and curve[:epoch].max() < np.median(others):
            return epoch
    return len(curve)
