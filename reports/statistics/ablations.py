"""What ablations say: the difference in the objective that one change makes, over paired seeds."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
from scipy.stats import ttest_1samp

from hyperstudy.reports.statistics.intervals import pairs_needed
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, holm, verdict_of
from hyperstudy.study.comparisons.arms import ALONE, PATH, Hypothesis, Levels
from hyperstudy.study.comparisons.seeds import Estimate, is_constant, paired_difference


class Result(NamedTuple):
    """The difference high - low over paired seeds, larger being better.

    `p` is corrected for the hypotheses of the same kind by Holm's rule; None if the differences are equal. `needed` is
    the number of seeds with which four studies in five find a difference like this, by Bonferroni's rule, which asks
    for more than Holm's.
    """

    hypothesis: Hypothesis
    estimate: Estimate
    p: float | None
    verdict: str
    needed: int | None
    runs: list[str]


RunsOf = Callable[[Levels], pd.DataFrame]  # the confirmation runs of a configuration, one per `seed`


def compare(hypotheses: Sequence[Hypothesis], runs_of: RunsOf) -> list[Result]:
    """A result for every hypothesis whose arms share at least two seeds."""
    results = []
    for kind in (ALONE, PATH):
        asked = [row for row in hypotheses if row.kind == kind]
        tested = [result for row in asked if (result := _compared(row, runs_of, len(asked))) is not None]
        corrected = iter(holm([row.p for row in tested if row.p is not None]))
        results += [
            row if row.p is None else row._replace(p=(p := next(corrected)), verdict=verdict_of(p)) for row in tested
        ]
    return results


def _compared(row: Hypothesis, runs_of: RunsOf, tests: int) -> Result | None:
    low, high = (runs_of(arm.levels) for arm in (row.low, row.high))
    pairs = pd.concat([runs.set_index("seed").tested for runs in (low, high)], axis=1, join="inner").dropna()
    if len(pairs) < 2:
        return None
    before, after = pairs.to_numpy().T
    difference = after - before
    p = None if is_constant(difference) else float(ttest_1samp(difference, 0).pvalue)
    needed = pairs_needed(difference, level=1 - 0.05 / tests)
    return Result(row, paired_difference(after, before), p, INCONCLUSIVE, needed, [*low.run_id, *high.run_id])
