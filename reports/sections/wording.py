"""Phrases that several sections share."""

from collections.abc import Sequence

import numpy as np

from hyperstudy.reports.frames import Study
from hyperstudy.study.comparisons.arms import short
from hyperstudy.study.core.domains import Domain, Range


def percent_interval(low: float, high: float) -> str:
    return f"[{low:.0%}, {high:.0%}]"


def p_value(p: float) -> str:
    """A p value with its sign, in three decimals."""
    return "p \N{LESS-THAN OR EQUAL TO} 0.001" if p <= 0.001 else f"p = {p:.3f}"


def probability(value: float) -> str:
    """A probability in two digits; never 0 or 1, which no finite number of draws can show."""
    return "above 0.99" if value > 0.99 else "below 0.01" if value < 0.01 else f"{value:.2f}"


def level(domain: Domain, position: float) -> str:
    """The value at a position, in three significant digits; the nearest option of a choice."""
    if not isinstance(domain, Range):
        places = domain.positions(domain.options)
        return short(domain.options[int(np.abs(places - position).argmin())])
    value = float(domain.values(position))
    return str(round(value)) if domain.integer else f"{value:.3g}"


def between(domain: Domain, positions: Sequence[float]) -> str:
    """The values from the lowest to the highest of some positions; all of them where values have no order."""
    if not domain.numeric:
        return ", ".join(level(domain, position) for position in positions)
    low, high = level(domain, min(positions)), level(domain, max(positions))
    return low if low == high else f"{low} to {high}"


def larger_study(study: Study, needed: int = 0) -> str:
    """How to get the designed trials that are needed, at least twice the study's, as the end of a sentence."""
    designed = 2 ** (max(needed, 2 * len(study.explored)) - 1).bit_length()
    if study.origin:
        return f"{designed} trials that were sampled at random."
    return f"a study with --trials {trials_with(designed)} has {designed} designed ones."


def trials_with(designed: int) -> int:
    """The smallest `--trials` with that many designed trials, a power of two: at most two thirds are designed."""
    return designed * 3 // 2
