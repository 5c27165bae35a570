"""What learning curves tell: how a run ended, how early the ranking is known, what a pruner costs and saves."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from reports.finding import INCONCLUSIVE, SUPPORTED, Finding
from reports.frames import Study
from reports.selection import seed_noise
from study.outputs.names import COMPLETE, DIVERGED, EXPLORE, PRUNED

FEWEST_EPOCHS = 5  # of a curve that is to be tagged
USUAL_NOISE = 0.005  # of accuracy over seeds, where no confirmation has measured it
OVERFITTED = 1.1  # validation loss at the end, as a multiple of its least
STARTUP, WARMUP = 5, 0.2  # trials, and share of the epochs, before the median rule prunes
IMPROVING, OVERFITTING, UNSTABLE, SETTLED = "still improving", "overfitting", "unstable late", "settled"


def tag(curve: pd.DataFrame, noise: float) -> str:
    """How a run ended, by epochs in order with `val/accuracy`, `val/loss` and `train/loss`; `noise` is an accuracy.

    Unstable late: accuracy fell by more than four times the noise from one epoch to the next in the last half. Still
    improving: the last quarter's mean is above that of the quarter before by more than the noise. Overfitting: the
    loss ends more than a tenth above its least while the training loss fell on. Empty below five epochs.
    """
    if len(curve) < FEWEST_EPOCHS:
        return ""
    accuracy, loss, train = (curve[name].to_numpy(float) for name in ("val/accuracy", "val/loss", "train/loss"))
    quarter = max(1, len(curve) // 4)
    if np.diff(accuracy[-(len(curve) // 2) - 1 :]).min() < -4 * noise:
        return UNSTABLE
    if accuracy[-quarter:].mean() - accuracy[-2 * quarter : -quarter].mean() > noise:
        return IMPROVING
    least = int(np.nanargmin(loss)) if np.isfinite(loss).any() else 0
    return OVERFITTING if loss[-1] > OVERFITTED * loss[least] and train[-1] < train[least] else SETTLED


def tags_of(study: Study) -> pd.Series:
    """How every trial ended, by run id: its tag if it is complete, else its state."""
    estimate = seed_noise(study)
    noise = estimate.mean if estimate else USUAL_NOISE
    curves = dict(tuple(study.curves.groupby("run_id"))) if len(study.curves) else {}
    ended = study.trials[study.trials.state.isin((COMPLETE, PRUNED, DIVERGED))].set_index("run_id").state
    tags = {
        run: tag(curves[run], noise) if state == COMPLETE else state for run, state in ended.items() if run in curves
    }
    return pd.Series(tags, dtype=object)


class Audit(NamedTuple):
    """What the median rule would have done to designed trials: the share of epochs saved, how many pruned, and how much
    lower the best that it left is than the best of all."""

    saved: float
    pruned: int
    trials: int
    regret: float


def audit(curves: Mapping[int, np.ndarray]) -> Audit | None:
    """The median rule (Golovin et al., KDD 2017) replayed over finished curves of validation accuracy by trial number.

    A trial stops after an epoch at which its best so far is below the median of what earlier trials had there that were
    not stopped themselves. None below twice the rule's own number of trials to start with.
    """
    if len(curves) < 2 * STARTUP:
        return None
    ends: dict[int, int] = {}
    for number, curve in sorted(curves.items()):
        whole = [curves[other] for other, end in ends.items() if end == len(curves[other])]
        ends[number] = _stop(curve, whole) if len(whole) >= STARTUP else len(curve)
    saved = 1 - sum(ends.values()) / sum(map(len, curves.values()))
    left = [curves[number][-1] for number, end in ends.items() if end == len(curves[number])]
    regret = max(curve[-1] for curve in curves.values()) - max(left)
    return Audit(saved, len(curves) - len(left), len(curves), float(regret))


def _stop(curve: np.ndarray, seen: list[np.ndarray]) -> int:
    """The number of epochs after which the rule stops the curve; all of them if it never does."""
    for epoch in range(max(1, int(len(curve) * WARMUP)), len(curve)):
        others = [other[epoch - 1] for other in seen if len(other) >= epoch]
        if others and curve[:epoch].max() < np.median(others):
            return epoch
    return len(curve)


def pruning_claims(study: Study) -> list[Finding]:
    """What pruning by the median would have cost and saved, told by the designed trials, which nothing pruned."""
    runs = study.runs[(study.runs.phase == EXPLORE) & (study.runs.state == COMPLETE)].set_index("run_id")
    part = study.curves[study.curves.run_id.isin(runs.index)].sort_values("epoch")
    curves = {int(runs.trial[run]): rows["val/accuracy"].to_numpy() for run, rows in part.groupby("run_id")}
    found = audit({number: curve for number, curve in curves.items() if len(curve) > 1})
    if found is None:
        return []
    estimate = seed_noise(study)
    noise = estimate.mean if estimate else USUAL_NOISE
    words = "kept the best" if found.regret == 0 else f"lost the best, with {found.regret:.4f} of accuracy"
    claim = (
        f"Pruning by the median would have stopped {found.pruned} of {found.trials} designed trials, saved "
        f"{found.saved:.0%} of their epochs, and {words}."
    )
    verdict = SUPPORTED if found.regret <= noise else INCONCLUSIVE
    step = "" if found.regret <= noise else "Early epochs rank these trials badly: --pruner none is safer here."
    return [Finding("pruning", claim, f"{found.saved:.0%}", "", found.trials, verdict, list(runs.index), step)]
