"""Which pairs of hyperparameters act together: a test for designed trials that trained.

Products of two hyperparameters are tried beside every hyperparameter's own effect, a polynomial of the fifth degree or
one value per level, so that what a curved effect leaves over is not taken for an interaction; and on the scale of
accuracy unless on another the own effects alone clearly explain more, so that none is claimed which a change of scale
would remove (Loftus, Memory & Cognition 1978). The strongest pair is taken in first and each further one tried beside
it, since with few trials the products of different pairs resemble each other. The level is strict, for what is still
left of curved effects.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial.legendre import legvander
from scipy import stats

from reports.scales import Row, is_numeric, line, normal_scores, scaled

DEGREE = 5
LEVEL = 0.01  # that any pair of a study without interactions is claimed
PLAIN, CLEARLY = "accuracy", 2.0  # the plain scale is left for one that leaves less than half of the variance
FEWEST_LEFT = 4  # degrees of freedom that must remain for noise
RANK_TOLERANCE = 1e-6


class Interaction(NamedTuple):
    """A pair whose product explains `share` of the variance beyond both own effects, on the scale of that name.

    `p` is corrected for all pairs that were tried beside it; `found` whether it is below the level.
    """

    pair: tuple[str, str]
    share: float
    p: float
    found: bool
    n: int
    scale: str


def interactions(trials: pd.DataFrame, space: Mapping[str, Row]) -> list[Interaction]:
    """Every pair of searched hyperparameters, those found first; empty if there are too few trials to try one."""
    if trials.objective.nunique() < 2:
        return []
    searched = {name: row for name, row in space.items() if row["kind"] != "fixed" and trials[name].nunique() > 1}
    taken = [np.ones((len(trials), 1)), *(_own_effect(trials[name], row) for name, row in searched.items())]
    products = {
        (one, two): _product(trials[one], searched[one], trials[two], searched[two])
        for one, two in combinations(searched, 2)
    }
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


def trials_needed(space: Mapping[str, Row]) -> int:
    """Designed trials, a power of two, at which every pair of this space can be tried."""
    widths = [_width(row) for row in space.values() if row["kind"] != "fixed"]
    largest = max((one * two for one, two in combinations([1 if w == DEGREE else w for w in widths], 2)), default=1)
    return 2 ** (sum(widths) + largest + FEWEST_LEFT).bit_length()


def _try(
    products: Mapping[tuple[str, str], np.ndarray], taken: np.ndarray, y: np.ndarray, scale: str
) -> list[Interaction]:
    """An F test of every product beside what is taken in, corrected for their number."""
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
    """Name and values of the outcome on the scale where own effects, an orthonormal basis, clearly leave least."""
    error = 1 - accuracy
    least = max(error[error > 0].min(initial=1.0) / 2, 1e-4)
    on_scales = {
        PLAIN: accuracy,
        "the logarithm of the error": -np.log(error + least),
        "the rank": normal_scores(accuracy),
    }
    left = {
        name: 1 - ((own.T @ (y - y.mean())) ** 2).sum() / max(len(y) * y.var(), 1e-300) for name, y in on_scales.items()
    }
    name = min(left, key=lambda name: left[name] * (1 if name == PLAIN else CLEARLY))
    return name, on_scales[name]


def _own_effect(values: pd.Series, row: Row) -> np.ndarray:
    if not is_numeric(row):
        return pd.get_dummies(values.astype(str)).to_numpy(float)
    return legvander(2 * scaled(values, row) - 1, min(DEGREE, values.nunique() - 1))[:, 1:]


def _width(row: Row) -> int:
    if row["kind"] == "choice":
        return min(DEGREE, len(row["options"]) - 1) if is_numeric(row) else len(row["options"]) - 1
    return DEGREE if not isinstance(row["low"], int) else min(DEGREE, row["high"] - row["low"])


def _product(one: pd.Series, row_one: Row, two: pd.Series, row_two: Row) -> np.ndarray:
    first, second = line(one, row_one), line(two, row_two)
    return np.einsum("ni,nj->nij", first, second).reshape(len(one), -1)


def _basis(columns: np.ndarray, scale: float | None = None) -> np.ndarray:
    """An orthonormal basis of what the columns span, in which levels that never met leave no direction."""
    directions, lengths, _ = np.linalg.svd(columns, full_matrices=False)
    return directions[:, lengths > RANK_TOLERANCE * (lengths[0] if scale is None else scale)]
