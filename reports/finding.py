"""A finding: a sentence with its effect, interval, sample size, verdict, evidence and next step."""

from typing import NamedTuple

from reports.frames import Study
from reports.stats import Estimate

SUPPORTED, SUGGESTIVE, INCONCLUSIVE = "supported", "suggestive", "inconclusive"


class Finding(NamedTuple):
    """A sentence with what it rests on: `evidence` names the runs, `next_step` says what would settle it."""

    topic: str
    claim: str
    effect: str
    interval: str
    n: int
    verdict: str
    evidence: list[str]
    next_step: str = ""


def signed_interval(estimate: Estimate) -> str:
    """The interval of a difference; empty where there is none."""
    return "" if estimate.low is None else f"[{estimate.low:+.4f}, {estimate.high:+.4f}]"


def larger_study(study: Study, needed: int = 0) -> str:
    """How to come by the designed trials that are needed, at least twice the study's, as the end of a sentence."""
    designed = 2 ** (max(needed, 2 * len(study.explored)) - 1).bit_length()
    return f"a study with --trials {designed * 3 // 2} has {designed} designed ones."
