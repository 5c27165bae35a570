"""The ends of ranges at which the best trials lie, so that better values may lie beyond.

A sampler crowds its trials around what looked good, also at an end of a range of what does nothing: only
hyperparameters that are known to matter are asked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from hyperstudy.reports.statistics.effects import Curve
from hyperstudy.study.core.domains import Dimension, Range

TOP_SHARE, EDGE = 0.1, 0.05  # of the trials, and of a range on its own scale
MANY, LEVEL = 0.4, 0.05  # share of the best trials, and the probability that as many lie at any end by chance
SURE = 0.95  # probability that the best lies at the end
QUANTILES = (np.arange(1000) + 0.5) / 1000
FIXED_ENDS = ("depth", "seed")  # a family has few depths, and seeds have no order


@dataclass(frozen=True)
class Crowd:
    """`count` of the best trials, `runs`, lie at the lower or upper `end` of the domain, or the best lies there on
    average over all others, with the probability `sure`."""

    name: str
    side: str
    end: float
    count: int
    runs: list[str]
    sure: float | None
    domain: Range


def crowds(
    complete: pd.DataFrame, space: Mapping[str, Dimension], curves: Mapping[str, Curve], relevant: Collection[str]
) -> list[Crowd]:
    """The ends of ranges at which the best lies; empty with too few complete trials to single out the best.

    Only the `relevant` hyperparameters are asked; `curves` are averaged over all others.
    """
    ordered = complete.sort_values("objective", ascending=False)
    top = ordered.head(max(3, int(np.ceil(TOP_SHARE * len(ordered)))))
    if len(ordered) < 2 * len(top):
        return []
    ranges = {name: row.domain for name, row in space.items() if isinstance(row.domain, Range)}
    found = []
    for name, domain in ranges.items():
        if name not in relevant:
            continue
        sure = _best_at_ends(curves[name])
        at_ends = _at_ends(domain.positions(top[name]))
        even = _at_ends(domain.positions_at(QUANTILES))  # integers lie at an end more often than within 5% of it
        for side, end in zip(at_ends, domain.ends, strict=True):
            count = int(at_ends[side].sum())
            by_chance = stats.binom.sf(count - 1, len(top), even[side].mean()) * 2 * len(ranges)
            crowded = count >= MANY * len(top) and by_chance < LEVEL
            if (crowded or sure.get(side, 0) >= SURE) and _can_extend(name, end, side, space[name].accepted):
                found.append(Crowd(name, side, end, count, list(top.run_id), sure.get(side), domain))
    return found


def _at_ends(positions: np.ndarray) -> dict[str, np.ndarray]:
    return {"lower": positions <= EDGE, "upper": positions >= 1 - EDGE}


def _best_at_ends(curve: Curve) -> dict[str, float]:
    """The probability that the best lies at the lower and at the upper end."""
    best = curve.positions[curve.draws.argmax(0)]
    return {side: float(at.mean()) for side, at in _at_ends(best).items()}


def _can_extend(name: str, end: float, side: str, accepted: Sequence[float]) -> bool:
    """Whether values beyond the end make sense: numbers of layers start at 1, shares at 0."""
    least, most = accepted or (-np.inf, np.inf)
    natural = (isinstance(end, int) and end <= 1) or end == 0 or name in FIXED_ENDS
    return not natural and (end > least if side == "lower" else end < most)
