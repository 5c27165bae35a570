"""Which configuration to use: the finalists against each other on the test pictures, and what the seed alone does."""

import numpy as np
import pandas as pd

from reports.finding import INCONCLUSIVE, SUGGESTIVE, SUPPORTED, Finding, signed_interval
from reports.frames import Study
from reports.selection import finalists, of_finalist, seed_noise
from reports.stats import is_constant, paired_difference, pairs_needed, probability_positive, smallest_difference

LIKELY = 0.9  # probability from which a lead that could be chance is called suggestive


def paired(study: Study, first: str, second: str) -> pd.DataFrame:
    """Test accuracies of two finalists on the seeds that both have: columns `first, second`, indexed by seed."""
    one, two = (of_finalist(study, role).set_index("seed")["test/accuracy"] for role in (first, second))
    return pd.DataFrame({"first": one, "second": two}).dropna()


def lead_claims(study: Study) -> list[Finding]:
    """The winner against the default, then against the runner-up."""
    made = []
    for other in ("default", "runner-up"):
        pairs = paired(study, "winner", other)
        if len(pairs):
            made.append(_lead(study, other, pairs))
    return made


def _lead(study: Study, other: str, pairs: pd.DataFrame) -> Finding:
    difference = pairs["first"] - pairs["second"]
    estimate, chance = paired_difference(pairs["first"], pairs["second"]), probability_positive(difference)
    excludes = estimate.low is not None and (estimate.low > 0 or estimate.high < 0)
    verdict = SUPPORTED if excludes else INCONCLUSIVE
    if not excludes and chance is not None and max(chance, 1 - chance) >= LIKELY and estimate.low is not None:
        verdict = SUGGESTIVE
    place = f"{abs(estimate.mean):.4f} {'above' if estimate.mean > 0 else 'below'}" if estimate.mean else "equal to"
    claim = f"The winner's accuracy on these test pictures is {place} the {other}'s, over seeds"
    if chance is not None and estimate.low is not None:
        claim += f"; the probability that it is higher at all, from a flat prior, is {chance:.2f}"
    claim += f". Use the {other} instead." if verdict == SUPPORTED and estimate.mean < 0 else "."
    return Finding(
        topic="lead",
        claim=claim,
        effect=f"{estimate.mean:+.4f}",
        interval=signed_interval(estimate),
        n=estimate.n,
        verdict=verdict,
        evidence=[*of_finalist(study, "winner").run_id, *of_finalist(study, other).run_id],
        next_step="" if verdict == SUPPORTED else _more_pairs(difference.to_numpy(), other),
    )


def _more_pairs(difference: np.ndarray, other: str) -> str:
    if len(difference) < 2:
        return "One seed says nothing of its own spread: --confirm-seeds 5."
    if is_constant(difference):
        return f"Equal differences show no spread to judge by: --confirm-seeds {max(5, 2 * len(difference))}."
    needed = pairs_needed(difference)
    if needed is None:
        return f"To find a lead as small as this takes over 1,000 seeds: take winner or {other}, whichever is cheaper."
    seeds = max(needed, len(difference) + 1)
    return f"A lead of this size would be found in four cases of five with --confirm-seeds {seeds}."


def noise_claims(study: Study) -> list[Finding]:
    """How far the seed alone moves the outcome, and so which differences this study could have seen."""
    estimate = seed_noise(study, "test/accuracy")
    if estimate is None:
        return []
    seeds = max(len(of_finalist(study, role)) for role in finalists(study))
    smallest = smallest_difference(estimate.mean, seeds)
    claim = (
        f"The seed alone moves test accuracy by a standard deviation of {estimate.mean:.4f}; with {seeds} paired seeds "
    )
    if smallest < 1:
        claim += f"a difference of {smallest:.4f} would be found in four cases of five, a smaller one less often."
    else:
        claim += "no difference would be found in four cases of five: --confirm-seeds 5."
    interval = f"[{estimate.low:.4f}, {estimate.high:.4f}]"
    evidence = [run for role in finalists(study) for run in of_finalist(study, role).run_id]
    return [Finding("noise", claim, f"{estimate.mean:.4f}", interval, estimate.n, SUPPORTED, evidence)]
