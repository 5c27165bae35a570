"""Where the best lies at an end of a range, so that better may lie beyond it."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from reports.finding import SUGGESTIVE, Finding
from reports.frames import Study
from reports.scales import Row, at_quantiles, scaled
from reports.selection import influences_of, trusted_surrogate
from study.outputs.names import COMPLETE

TOP_SHARE, EDGE = 0.1, 0.05  # of the trials, and of a range on its own scale
MANY, LEVEL = 0.4, 0.05  # of the best, and how often as many may lie at any end where nothing matters
SURE = 0.95  # share of the surrogate's replicates that must be best at the end
GRID = 41
QUANTILES = (np.arange(1000) + 0.5) / 1000


class Crowd(NamedTuple):
    """`count` of the best trials, `runs`, lie at the lower or upper `end` of a range, or the surrogate is best there,
    as `sure` of its replicates are."""

    name: str
    side: str
    end: float
    count: int
    runs: list[str]
    sure: float | None


def crowds(study: Study) -> list[Crowd]:
    """The ends of ranges at which the best lies; none where there are too few trials to speak of the best."""
    complete = study.trials[study.trials.state == COMPLETE].sort_values("objective", ascending=False)
    top = complete.head(max(3, int(np.ceil(TOP_SHARE * len(complete)))))
    if len(complete) < 2 * len(top):
        return []
    ranges = {name: row for name, row in study.space.items() if row["kind"] == "range"}
    found = []
    for name, row in ranges.items():
        u, sure = scaled(top[name], row), best_at_ends(study, name)
        even = at_quantiles(QUANTILES, row)  # whole numbers lie at an end more often than within 5% of it
        for side, end, at in (("lower", row["low"], _lower), ("upper", row["high"], _upper)):
            count = int(at(u).sum())
            by_chance = stats.binom.sf(count - 1, len(top), at(even).mean()) * 2 * len(ranges)
            crowded = count >= MANY * len(top) and by_chance < LEVEL
            if (crowded or sure.get(side, 0) >= SURE) and can_extend(name, row, side):
                found.append(Crowd(name, side, end, count, list(top.run_id), sure.get(side)))
    return found


def _lower(u: np.ndarray) -> np.ndarray:
    return u <= EDGE


def _upper(u: np.ndarray) -> np.ndarray:
    return u >= 1 - EDGE


def best_at_ends(study: Study, name: str) -> dict[str, float]:
    """The share of the surrogate's replicates in which a hyperparameter that matters is best at its lower and at its
    upper end, averaged over all others; empty where it does not matter or the surrogate is not to be trusted."""
    surrogate = trusted_surrogate(study)
    if surrogate is None or not any(row.name == name and row.p_holm < 0.05 for row in influences_of(study)):
        return {}
    best = surrogate.along((name,), np.linspace(0, 1, GRID)[:, None])[:, 1:].argmax(0) / (GRID - 1)
    return {"lower": float(_lower(best).mean()), "upper": float(_upper(best).mean())}


def boundary_claims(study: Study) -> list[Finding]:
    """Where the best lies at an end of a range."""
    return [_boundary(crowd) for crowd in crowds(study)]


def _boundary(crowd: Crowd) -> Finding:
    n, beyond = len(crowd.runs), "below" if crowd.side == "lower" else "above"
    claim = f"{crowd.count} of the {n} best trials lie within 5% of the {crowd.side} end of {crowd.name}, {crowd.end:g}"
    if crowd.sure is not None and crowd.sure >= SURE:
        claim += f", and the surrogate is best there in {crowd.sure:.0%} of its replicates"
    step = f"Extend {crowd.name} {beyond} {crowd.end:g}: its best value may lie there."
    return Finding("boundary", claim + ".", f"{crowd.count}/{n}", "", n, SUGGESTIVE, crowd.runs, step)


def can_extend(name: str, row: Row, side: str) -> bool:
    """Whether a range leaves something to try there: whole numbers of layers or so start at 1, shares at 0."""
    end, (least, most) = row["low" if side == "lower" else "high"], row.get("accepted", (-np.inf, np.inf))
    natural = (isinstance(end, int) and end <= 1) or end == 0 or name in ("depth", "seed")
    return not natural and (end > least if side == "lower" else end < most)
