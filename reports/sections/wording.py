"""Phrases that several sections share."""

from reports.frames import Study
from study.comparisons.seeds import Estimate


def signed_interval(estimate: Estimate) -> str:
    """The interval of a difference; empty where there is none."""
    return "" if estimate.low is None else f"[{estimate.low:+.4f}, {estimate.high:+.4f}]"


def percent_interval(low: float, high: float) -> str:
    return f"[{low:.0%}, {high:.0%}]"


def larger_study(study: Study, needed: int = 0) -> str:
    """How to get the designed trials that are needed, at least twice the study's, as the end of a sentence."""
    designed = 2 ** (max(needed, 2 * len(study.explored)) - 1).bit_length()
    if study.origin:
        return f"{designed} trials that were sampled at random."
    return f"a study with --trials {trials_with(designed)} has {designed} designed ones."


def trials_with(designed: int) -> int:
    """The smallest `--trials` with that many designed trials, a power of two: at most two thirds are designed."""
    return designed * 3 // 2
