"""Studies drawn, analysed and judged, in batches for processes of their own."""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from hyperstudy.reports.analysis import Analysis
from tests.trials_of_others import judge
from tests.trials_of_others.hard import HARD
from tests.trials_of_others.judge import Statement
from tests.trials_of_others.rates import Tallies, count, together
from tests.trials_of_others.rivals import Ranked, ranked
from tests.trials_of_others.studies import draw
from tests.trials_of_others.truth import Truth

BATCH = 5  # studies


class Outcome(NamedTuple):
    """What was counted in some studies, and how their hyperparameters were ranked."""

    tallies: Tallies
    ranked: list[Ranked]

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(together([self.tallies, other.tallies]), self.ranked + other.ranked)


Study = Callable[[Truth, int], tuple[list[Statement], list[Ranked]]]


def as_it_is(truth: Truth, seed: int) -> tuple[list[Statement], list[Ranked]]:
    """A study of the table's own hyperparameters."""
    return _said(Analysis(draw(truth.table, seed)), truth, judge.ACTIVE), []


def beside_inert(truth: Truth, seed: int) -> tuple[list[Statement], list[Ranked]]:
    """A study with an inert hyperparameter beside those of the table."""
    analysis = Analysis(draw(truth.table, seed, inert=1))
    return _said(analysis, truth, (judge.inert,)), ranked(analysis, truth)


def of_nothing(truth: Truth, seed: int) -> tuple[list[Statement], list[Ranked]]:
    """A study whose outcomes were exchanged among configurations, so that its search ran on noise."""
    return _said(Analysis(draw(truth.table.permuted(seed), seed)), truth, (judge.nothing,)), []


def planted(truth: Truth, seed: int) -> tuple[list[Statement], list[Ranked]]:
    """A study of a planted truth, with inert hyperparameters beside."""
    row = HARD[truth.table.name]
    judges = (judge.nothing,) if truth.table.name.startswith("nothing") else (*judge.ACTIVE, judge.inert)
    return _said(Analysis(draw(truth.table, seed, row.trials, row.inert)), truth, judges), []


def _said(analysis: Analysis, truth: Truth, judges: tuple[judge.Judge, ...]) -> list[Statement]:
    return list(chain.from_iterable(make(analysis, truth) for make in judges))


REAL: tuple[Study, ...] = (as_it_is, beside_inert, of_nothing)
PLANTED: tuple[Study, ...] = (planted,)


def batches(kinds: tuple[Study, ...], studies: int) -> Iterator[tuple[Study, range]]:
    """Every kind of study with every range of seeds."""
    for kind in kinds:
        for start in range(0, studies, BATCH):
            yield kind, range(start, min(start + BATCH, studies))


def outcome(truth: Truth, kind: Study, seeds: range) -> Outcome:
    """What is counted in the studies with these seeds."""
    results = [kind(truth, seed) for seed in seeds]
    return Outcome(
        count(chain.from_iterable(said for said, _ in results)), [row for _, rows in results for row in rows]
    )
