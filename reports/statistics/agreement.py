"""Whether a hyperparameter acts alike in two studies: its averaged effect in one beside that in the other.

Effects are those of the two posteriors, compared over what both studies searched.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hyperstudy.reports.statistics.effects import Curve
from hyperstudy.study.core.domains import Domain, Range

PLACES = 21  # along the common part of two ranges


class Agreement(NamedTuple):
    """The correlation of two studies' averaged effects of a hyperparameter, from -1, opposite, to 1, alike, with its
    95% interval; and where the objective is best in each."""

    name: str
    correlation: float
    low: float
    high: float
    first_best: float | str
    second_best: float | str


def agreement(curves: tuple[Curve, Curve], domains: tuple[Domain, Domain]) -> Agreement | None:
    """How far two effects agree; None without a common part of what was searched."""
    places = common(*domains)
    if len(places) < 2:
        return None
    first, second = (_at(curve, domain, places) for curve, domain in zip(curves, domains, strict=True))
    correlations = [_correlation(one, two) for one, two in zip(first.T, second.T, strict=True)]
    low, middle, high = np.quantile(correlations, [0.025, 0.5, 0.975])
    best = (places[int(values.mean(1).argmax())] for values in (first, second))
    return Agreement(curves[0].name, float(middle), float(low), float(high), *best)


def common(first: Domain, second: Domain) -> list[Any]:
    """The levels that both domains have, or values along the part that two ranges share, on the first one's scale."""
    if not (first.numeric and second.numeric):
        return [level for level in first.ends if level in second.ends] if first.numeric == second.numeric else []
    low, high = max(min(first.ends), min(second.ends)), min(max(first.ends), max(second.ends))
    if low >= high:
        return []
    log = first.log if isinstance(first, Range) else low > 0
    return Range(float(low), float(high), log).values(np.linspace(0, 1, PLACES)).tolist()


def _at(curve: Curve, domain: Domain, places: Sequence[Any]) -> np.ndarray:
    """The effect at each place, `(places, draws)`."""
    positions = domain.positions(places)
    if not domain.numeric:
        return curve.draws[[int(np.flatnonzero(curve.positions == position)[0]) for position in positions]]
    return np.stack([np.interp(positions, curve.positions, drawn) for drawn in curve.draws.T], axis=1)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """0 where an effect is flat."""
    one, two = first - first.mean(), second - second.mean()
    size = np.sqrt((one @ one) * (two @ two))
    return float(one @ two / size) if size > 0 else 0.0
