"""Which hyperparameters matter: a permutation test for designed trials.

The outcome is replaced by the normal scores of its ranks, so that a few collapsed runs do not dominate. Each numeric
hyperparameter enters as a quadratic on its own scale, each unordered one as a level effect. A hyperparameter's share is
what the model loses without it.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reports.statistics.scales import Domain, Domains, normal_scores
from reports.statistics.verdicts import holm, verdict_of

PERMUTATIONS = 4000
FEWEST_LEFT = 4  # degrees of freedom that must remain for noise


class Influence(NamedTuple):
    """One hyperparameter's partial share of the variance in rank and its permutation p value.

    `p_holm` is corrected for all hyperparameters that were tested together. `needed` is the number of designed trials
    with which four studies in five would find a share of this size.
    """

    name: str
    share: float
    p: float
    p_holm: float
    n: int
    needed: int | None

    @property
    def verdict(self) -> str:
        return verdict_of(self.p_holm)


def columns(values: pd.Series, domain: Domain) -> np.ndarray:
    """The model matrix `(n, k)` of one hyperparameter, without an intercept."""
    if domain.numeric:
        u = 2 * domain.positions(values) - 1
        return np.column_stack([u, u**2]) if values.nunique() > 2 else u[:, None]
    return pd.get_dummies(values.astype(str), drop_first=True).to_numpy(float)


def influences(trials: pd.DataFrame, domains: Domains, seed: int = 0) -> list[Influence]:
    """Every hyperparameter's influence on `trials.objective`, the largest first.

    Empty if there are too few trials for the model, or if all outcomes are equal. The p value is that of Freedman and
    Lane (1983): residuals of the model without the hyperparameter are permuted.
    """
    if len(trials) < FEWEST_LEFT:
        return []
    outcome = trials.objective.to_numpy(float)
    blocks = {name: columns(trials[name], domain) for name, domain in domains.items()}
    blocks = {name: block for name, block in blocks.items() if block.shape[1] and np.ptp(block, axis=0).any()}
    n, terms = len(outcome), sum(block.shape[1] for block in blocks.values())
    left = n - 1 - terms
    if left < FEWEST_LEFT or not blocks or np.ptp(outcome) == 0:
        return []
    scores = normal_scores(outcome)
    rng = np.random.default_rng(seed)
    found = {name: _one(name, blocks, scores, left, rng) for name in blocks}
    corrected = holm([p for _, p in found.values()])
    rows = []
    for (name, (f, p)), p_holm in zip(found.items(), corrected, strict=True):
        k = blocks[name].shape[1]
        share = f * k / (f * k + left)
        rows.append(Influence(name, share, p, p_holm, n, trials_needed(share, k, terms, 0.05 / len(blocks))))
    return sorted(rows, key=lambda row: -row.share)


def _one(
    name: str, blocks: dict[str, np.ndarray], y: np.ndarray, left: int, rng: np.random.Generator
) -> tuple[float, float]:
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


def trials_needed(share: float, k: int, terms: int, alpha: float, power: float = 0.8, most: int = 4096) -> int | None:
    """Designed trials, a power of two, that find a share with that power at level `alpha`; None if above `most`."""
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
