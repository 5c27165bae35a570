"""What a report says of a study of a table, sentence by sentence, against the truth.

Every statement has a kind and says whether it is one that the kind counts: an interval that covers, an influence that
is found, a claim that is false.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections import SECTIONS
from hyperstudy.reports.statistics.boundaries import Crowd
from hyperstudy.reports.statistics.breakpoints import Break
from hyperstudy.reports.statistics.effects import Difference
from hyperstudy.reports.statistics.shares import LEAST
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from tests.trials_of_others.studies import level
from tests.trials_of_others.tables import DEFAULT, LEVELS
from tests.trials_of_others.truth import Truth, along, failure_rates

QUIET = 0.25  # share of the noise below which a table's large shares should be found
LARGE, MIDDLE = 0.15, 0.05  # shares
CLOSE = 0.005  # of accuracy: an end of a range this close to the best may be called the best
SMALL = 0.01  # share of an interaction that hardly exists
CROWDED = 1.5  # times the share that chance gives an end among the best hundredth of configurations
MORE = 0.02  # by which a failure rate must truly be larger where training is said to fail


class Statement(NamedTuple):
    kind: str
    said: bool


Judge = Callable[[Analysis, Truth], Iterator[Statement]]


def holds(low: float, high: float, value: float) -> bool:
    """Whether an interval that is printed in whole percents holds the value."""
    return np.floor(100 * low) / 100 <= value <= np.ceil(100 * high) / 100


def influence(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Shares, and which hyperparameters are said to matter."""
    yield Statement("an effect is given", bool(analysis.influences))
    for row in analysis.influences:
        if row.name not in truth.total:
            continue
        first, total, found = truth.first[row.name], truth.total[row.name], row.verdict == SUPPORTED
        yield Statement("total share covered", holds(row.share.total_low, row.share.total_high, total))
        yield Statement("first-order share covered", holds(row.share.first_low, row.share.first_high, first))
        quiet = "" if truth.noise < QUIET else ", noisy"
        if total > LARGE:
            yield Statement(f"share over 15% found{quiet}", found)
        elif total > MIDDLE:
            yield Statement(f"share of 5 to 15% found{quiet}", found)
        elif total < LEAST:
            yield Statement(f"share under {LEAST:.0%} said to matter", found)


def effects(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Differences from the worst to the best value, averaged over all others."""
    for row in analysis.influences:
        if row.name in truth.averages:
            domain, levels, means = analysis.study.domains[row.name], LEVELS[row.name], truth.averages[row.name]
            best, worst = (along(domain, levels, means, place) for place in (row.effect.best, row.effect.worst))
            found = row.effect.difference
            yield Statement("worst to best covered", found.low <= best - worst <= found.high)
            yield Statement("worst to best is at least its lower end", found.low <= best - worst)
            if row.verdict == SUPPORTED:
                yield Statement("what matters has a best value named", row.effect.is_directed)
            if row.verdict == SUPPORTED and row.effect.is_directed:
                yield Statement("worst and best exchanged", best - worst <= 0)


def gains(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Gains of tuning one hyperparameter alone. The true ones are means of few seeds, which widens the intervals."""
    claims = []
    for row in analysis.gains:
        if row.name not in DEFAULT or row.after == row.before:
            continue
        domain, place = analysis.study.domains[row.name], list(LEVELS).index(row.name)
        line = tuple(slice(None) if axis == place else number for axis, number in enumerate(DEFAULT.values()))
        accuracy = truth.table.accuracy[line]
        before = DEFAULT[row.name]
        true = along(domain, LEVELS[row.name], accuracy.mean(-1), row.after) - accuracy[before].mean()
        spread = accuracy.var(-1, ddof=1) / accuracy.shape[-1]
        error = np.sqrt(spread[before] + along(domain, LEVELS[row.name], spread, row.after))
        yield Statement("gain over the default covered", covers(row.difference, true, float(error)))
        claims.append(row.difference.low > 0 and true <= 0)
    yield Statement("a gain is claimed that is none", any(claims))


def covers(found: Difference, true: float, error: float) -> bool:
    """Whether the interval, widened by the error of the true value, holds it."""
    below, above = (np.hypot(side, 1.96 * error) for side in (found.mean - found.low, found.high - found.mean))
    return found.mean - below <= true <= found.mean + above


def interactions(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    found = [frozenset(row.pair) for row in analysis.interactions if row.found]
    shares = [truth.interactions.get(pair, 0.0) for pair in found]
    yield Statement("an interaction is claimed", bool(found))
    yield Statement("an interaction below 1% is claimed", any(share < SMALL for share in shares))


def failures(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    found = [row for row in analysis.breaks if row.found] or analysis.corners[:1]
    yield Statement("failures are blamed on something", bool(found))
    yield Statement(
        "failures are blamed where they are no more", any(_blames_wrongly(r, analysis, truth) for r in found)
    )


def _blames_wrongly(row: Break, analysis: Analysis, truth: Truth) -> bool:
    """Whether training truly fails at most `MORE` more often beyond the edges."""
    if any(edge.name not in LEVELS for edge in row.edges):
        return True
    beyond = {}
    for edge in row.edges:
        number = level(analysis.study.domains[edge.name], LEVELS[edge.name], edge.cut)
        places = np.arange(len(LEVELS[edge.name]))
        beyond[edge.name] = (places >= number if edge.side == "above" else places <= number).astype(float)
    there, elsewhere = failure_rates(truth, beyond)
    return there <= elsewhere + MORE


def boundaries(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    yield Statement("the best is said to lie at an end", bool(analysis.crowds))
    yield Statement(
        "the best is said to lie at an end, and does not", any(_is_elsewhere(r, truth) for r in analysis.crowds)
    )


def _is_elsewhere(row: Crowd, truth: Truth) -> bool:
    """Whether neither the average nor the best hundredth of the configurations is at that end."""
    if row.name not in LEVELS:
        return True
    number, place = (0 if row.side == "lower" else -1), list(LEVELS).index(row.name)
    if truth.averages[row.name][number] >= truth.averages[row.name].max() - CLOSE:
        return False
    best = truth.table.mean >= np.quantile(truth.table.mean, 0.99)
    mass = np.moveaxis(best * truth.weights, place, 0).reshape(len(LEVELS[row.name]), -1).sum(1)
    even = np.moveaxis(truth.weights, place, 0).reshape(len(LEVELS[row.name]), -1).sum(1)
    return mass[number] / mass.sum() < CROWDED * even[number]


def inert(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """What is said of hyperparameters that do nothing, beside active ones."""
    idle = set(analysis.study.searched) - set(LEVELS)
    matter = any(row.verdict == SUPPORTED for row in analysis.influences if row.name in idle)
    blamed = [row for row in analysis.breaks if row.found] or analysis.corners[:1]
    yield Statement("an inert hyperparameter is said to matter", matter)
    paired = (row.found and idle & set(row.pair) for row in analysis.interactions)
    yield Statement("an inert hyperparameter is said to interact", any(paired))
    yield Statement("failures are blamed on an inert one", any(e.name in idle for row in blamed for e in row.edges))
    yield Statement("the best of an inert one is said to lie at an end", any(r.name in idle for r in analysis.crowds))


def nothing(analysis: Analysis, truth: Truth) -> Iterator[Statement]:
    """Supported sentences of a report on outcomes that nothing influences, by claim."""
    claims = {name: make(analysis) for section in SECTIONS for name, make in section.claims.items()}
    claims["failure"] = claims["failure"][1:]  # the first describes
    said = {name: any(row.verdict == SUPPORTED for row in claims[name]) for name in KINDS}
    yield Statement("nothing matters: any supported sentence", any(said.values()))
    for name, kind in KINDS.items():
        yield Statement(f"nothing matters: {kind}", said[name])
    yield Statement(
        "nothing matters: a gain over the default (table)", any(g.difference.low > 0 for g in analysis.gains)
    )
    yield Statement("nothing matters: an end of a range (suggestive)", bool(claims["boundary"]))


KINDS = {"influence": "an influence", "interaction": "an interaction", "scaling": "a law of lr", "failure": "a break"}
ACTIVE: tuple[Judge, ...] = (influence, effects, gains, interactions, failures, boundaries)
