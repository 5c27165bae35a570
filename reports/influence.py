"""Which hyperparameters matter: a test, and how much of the spread each one explains.

Works on designed trials only. The outcome is replaced by the normal scores of its ranks, so that a few collapsed runs
do not swallow the rest; each numeric hyperparameter enters as a quadratic on its own scale, each unordered one as a
level effect. A hyperparameter's part is what the model loses without it.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special, stats

PERMUTATIONS = 4000
FEWEST_LEFT = 4  # degrees of freedom that must remain for noise


class Influence(NamedTuple):
    """One hyperparameter's partial share of the variance in rank, its interval, and the permutation p value.

    `p_holm` is corrected for all hyperparameters that were tested together. `needed` is the number of designed trials
    at which a share of this size would be found in four studies of five.
    """

    name: str
    share: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    needed: int | None


def scaled(values: pd.Series, row: dict[str, Any]) -> np.ndarray:
    """Numeric values on [0, 1] along the scale and between the ends that the space gives them."""
    if row["kind"] == "range":
        low, high = row["low"], row["high"]
        log = row["log"]
    else:
        low, high, log = min(row["options"]), max(row["options"]), min(row["options"]) > 0
    transform = np.log if log else np.asarray
    return (transform(values.to_numpy(float)) - transform(low)) / (transform(high) - transform(low))


def is_numeric(row: dict[str, Any]) -> bool:
    """Whether a hyperparameter of the space has an order; strings have none."""
    return row["kind"] == "range" or (row["kind"] == "choice" and not isinstance(row["options"][0], str))


def columns(values: pd.Series, row: dict[str, Any]) -> np.ndarray:
    """The model matrix `(n, k)` of one hyperparameter, without an intercept."""
    if is_numeric(row):
        u = 2 * scaled(values, row) - 1
        return np.column_stack([u, u**2]) if values.nunique() > 2 else u[:, None]
    return pd.get_dummies(values.astype(str), drop_first=True).to_numpy(float)


def influences(trials: pd.DataFrame, space: dict[str, dict[str, Any]], seed: int = 0) -> list[Influence]:
    """Every searched hyperparameter's influence on `trials.objective`, the largest first.

    Empty if there are too few trials for the model, or if all outcomes are equal. The p value is that of Freedman and
    Lane (1983): residuals of the model without the hyperparameter are permuted.
    """
    if len(trials) < FEWEST_LEFT:
        return []
    outcome = trials.objective.to_numpy(float)
    blocks = {name: columns(trials[name], row) for name, row in space.items() if row["kind"] != "fixed"}
    blocks = {name: block for name, block in blocks.items() if block.shape[1] and np.ptp(block, axis=0).any()}
    n, terms = len(outcome), sum(block.shape[1] for block in blocks.values())
    left = n - 1 - terms
    if left < FEWEST_LEFT or not blocks or np.ptp(outcome) == 0:
        return []
    scores = stats.norm.ppf((stats.rankdata(outcome) - 0.5) / n)
    rng = np.random.default_rng(seed)
    found = {name: _one(name, blocks, scores, left, rng) for name in blocks}
    corrected = holm([p for _, p in found.values()])
    rows = []
    for (name, (f, p)), p_holm in zip(found.items(), corrected, strict=True):
        k = blocks[name].shape[1]
        low, high = share_interval(f, k, left, n)
        share = f * k / (f * k + left)
        rows.append(Influence(name, share, low, high, p, p_holm, n, trials_needed(share, k, terms, 0.05 / len(blocks))))
    return sorted(rows, key=lambda row: -row.share)


def _one(name: str, blocks: dict[str, np.ndarray], y: np.ndarray, left: int, rng: Any) -> tuple[float, float]:
    """The F ratio of one hyperparameter, and its permutation p value."""
    one = np.ones((len(y), 1))
    without = np.linalg.qr(np.hstack([one, *(block for other, block in blocks.items() if other != name)]))[0]
    full = np.linalg.qr(np.hstack([one, *blocks.values()]))[0]
    fitted = without @ (without.T @ y)
    order = rng.permuted(np.tile(np.arange(len(y)), (PERMUTATIONS, 1)), axis=1)
    outcomes = np.column_stack([y, fitted[:, None] + (y - fitted)[order.T]])
    total = (outcomes**2).sum(0)
    rest_without, rest_full = (total - ((q.T @ outcomes) ** 2).sum(0) for q in (without, full))
    k = blocks[name].shape[1]
    ratios = (rest_without - rest_full) / k / (rest_full / left)
    return float(ratios[0]), float((1 + (ratios[1:] >= ratios[0] - 1e-12).sum()) / (1 + PERMUTATIONS))


def holm(p_values: list[float]) -> list[float]:
    """P values corrected by Holm's step-down rule (1979)."""
    from statsmodels.stats.multitest import multipletests

    return multipletests(p_values, method="holm")[1].tolist()


def share_interval(f: float, k: int, left: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a partial share of variance, by inverting the noncentral F distribution (Steiger 2004)."""

    def noncentrality(quantile: float) -> float:
        if stats.f.cdf(f, k, left) < quantile:
            return 0.0
        return float(special.ncfdtrinc(k, left, quantile, f))

    low, high = (noncentrality(q) for q in ((1 + level) / 2, (1 - level) / 2))
    return low / (low + n), high / (high + n)


def trials_needed(share: float, k: int, terms: int, alpha: float, power: float = 0.8, most: int = 4096) -> int | None:
    """Designed trials, a power of two, at which a partial share would be found with that power at level `alpha`."""
    if not 0 < share < 1:
        return None
    n = 8
    while n <= most:
        left = n - 1 - terms
        if left > 0:
            critical = stats.f.ppf(1 - alpha, k, left)
            if stats.ncf.sf(critical, k, left, n * share / (1 - share)) >= power:
                return n
        n *= 2
    return None
