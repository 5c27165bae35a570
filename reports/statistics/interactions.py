"""Which pairs of hyperparameters interact: a test for designed trials that trained.

The model holds every hyperparameter's own effect, a polynomial of the fifth degree or one value per level, so that the
remainder of a curved effect is not mistaken for an interaction. Products of two hyperparameters are tested against it.
The outcome is accuracy, unless own effects alone explain clearly more on another scale: an interaction that a change of
scale removes is not claimed (Loftus, Memory & Cognition 1978). With few trials the products of different pairs resemble
each other, so the strongest pair enters the model first and the others are tested beside it. The level is strict
because a part of a very curved effect remains.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial.legendre import legvander
from scipy import stats

from hyperstudy.reports.statistics.scales import Domains, line, normal_scores, varied
from hyperstudy.study.core.domains import Domain, Range

DEGREE = 5
LEVEL = 0.01  # probability that a study without interactions is said to have one
PLAIN, CLEARLY = "accuracy", 2.0  # another scale is used if it leaves less than half of the variance unexplained
FEWEST_LEFT = 4  # degrees of freedom that must remain for noise
RANK_TOLERANCE = 1e-6


class Interaction(NamedTuple):
    """A pair whose product explains `share` of the variance beyond all own effects, on the named scale.

    `p` is corrected for all pairs that were tested with it; `found` says whether it is below the level.
    """

    pair: tuple[str, str]
    share: float
    p: float
    found: bool
    n: int
    scale: str


def interactions(trials: pd.DataFrame, domains: Domains) -> list[Interaction]:
    """Every pair of hyperparameters, those found first; empty if there are too few trials to test one."""
    if trials.objective.nunique() < 2:
        return []
    tried = varied(trials, domains)
    taken = [np.ones((len(trials), 1)), *(_own_effect(trials[name], domain) for name, domain in tried.items())]
    lines = {name: line(trials[name], domain) for name, domain in tried.items()}
    products = {(one, two): _product(lines[one], lines[two]) for one, two in combinations(tried, 2)}
    scale, outcome = _most_additive(trials.objective.to_numpy(float), _basis(np.hstack(taken)))
    found: list[Interaction] = []
    while products:
        tested = _try(products, _basis(np.hstack(taken)), outcome, scale)
        tested.sort(key=lambda row: row.p)
        if not tested or not tested[0].found:
            return [*found, *tested]
        found.append(tested[0])
        taken.append(products.pop(tested[0].pair))
    return found


def trials_needed(domains: Domains) -> int:
    """Designed trials, a power of two, with which every pair of these hyperparameters can be tested."""
    own = sum(_width(domain, DEGREE) for domain in domains.values())
    largest = max((_width(a, 1) * _width(b, 1) for a, b in combinations(domains.values(), 2)), default=1)
    return 2 ** (own + largest + FEWEST_LEFT).bit_length()


def _try(
    products: Mapping[tuple[str, str], np.ndarray], taken: np.ndarray, y: np.ndarray, scale: str
) -> list[Interaction]:
    """An F test of every product beside what the model holds already, corrected for their number."""
    rest, total, rows = y - taken @ (taken.T @ y), ((y - y.mean()) ** 2).sum(), []
    for pair, product in products.items():
        new = _basis(product - taken @ (taken.T @ product), np.abs(product).max())
        left = len(y) - taken.shape[1] - new.shape[1]
        if new.shape[1] and left >= FEWEST_LEFT and rest @ rest > 1e-12 * total:
            explained = ((new.T @ rest) ** 2).sum()
            noise = max(rest @ rest - explained, 1e-300) / left
            p = stats.f.sf(explained / new.shape[1] / noise, new.shape[1], left)
            rows.append((pair, float(explained / total), float(p)))
    corrected = [(pair, share, min(1.0, p * len(rows))) for pair, share, p in rows]
    return [Interaction(pair, share, p, p < LEVEL, len(y), scale) for pair, share, p in corrected]


def _most_additive(accuracy: np.ndarray, own: np.ndarray) -> tuple[str, np.ndarray]:
    """Name and values of the outcome on the scale on which own effects, an orthonormal basis, explain most."""
    on_scales = {PLAIN: accuracy, **_logarithm(accuracy), "the rank": normal_scores(accuracy)}
    left = {
        name: 1 - ((own.T @ (y - y.mean())) ** 2).sum() / max(len(y) * y.var(), 1e-300) for name, y in on_scales.items()
    }
    name = min(left, key=lambda name: left[name] * (1 if name == PLAIN else CLEARLY))
    return name, on_scales[name]


def _logarithm(outcome: np.ndarray) -> dict[str, np.ndarray]:
    """The outcome on a logarithmic scale: of the error of shares, of a loss whose negative it is; else empty."""
    if outcome.max() < 0:
        return {"the logarithm": -np.log(-outcome)}
    if outcome.min() < 0 or outcome.max() > 1:
        return {}
    error = 1 - outcome
    least = max(error[error > 0].min(initial=1.0) / 2, 1e-4)
    return {"the logarithm of the error": -np.log(error + least)}


def _own_effect(values: pd.Series, domain: Domain) -> np.ndarray:
    if not domain.numeric:
        return pd.get_dummies(values.astype(str)).to_numpy(float)
    return legvander(2 * domain.positions(values) - 1, min(DEGREE, values.nunique() - 1))[:, 1:]


def _width(domain: Domain, degree: int) -> int:
    """Columns of a polynomial of that degree, or of the levels."""
    if isinstance(domain, Range):
        return min(degree, int(domain.high - domain.low)) if domain.integer else degree
    return min(degree, len(domain.options) - 1) if domain.numeric else len(domain.options) - 1


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.einsum("ni,nj->nij", first, second).reshape(len(first), -1)


def _basis(columns: np.ndarray, scale: float | None = None) -> np.ndarray:
    """An orthonormal basis of the columns' span; combinations of levels without a trial add no direction."""
    directions, lengths, _ = np.linalg.svd(columns, full_matrices=False)
    return directions[:, lengths > RANK_TOLERANCE * (lengths[0] if scale is None else scale)]
