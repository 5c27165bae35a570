"""What was found: typed records, each with its effect, interval, sample size and verdict."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from reports.influence import Influence, influences, is_numeric, scaled
from reports.load import Study
from reports.stats import (
    Estimate,
    paired_difference,
    pairs_needed,
    probability_positive,
    rate,
    smallest_difference,
    spread,
)
from study.record import COMPLETE, DIVERGED

SUPPORTED, SUGGESTIVE, INCONCLUSIVE = "supported", "suggestive", "inconclusive"
LIKELY = 0.9  # probability from which a lead that could be chance is called suggestive
TOP_SHARE, EDGE = 0.1, 0.05  # of the trials, and of a range on its own scale
LEARNED = 0.1  # of the way from chance to 1: below it a network has learned next to nothing


class Finding(NamedTuple):
    """A sentence with what it rests on: `evidence` names the runs, `next_step` says what would settle it."""

    topic: str
    claim: str
    effect: str
    interval: str
    n: int
    verdict: str
    evidence: list[str]
    next_step: str


def findings(study: Study) -> list[Finding]:
    """Every claim of the report, in the order in which a reader asks for them."""
    return [finding for make in CLAIMS.values() for finding in make(study)]


def finalists(study: Study) -> dict[str, dict[str, Any]]:
    """Role and hyperparameters of the configurations that were confirmed last; empty without a confirmation."""
    return json.loads(study.tags.get("study.finalists", "{}"))


def of_finalist(study: Study, role: str) -> pd.DataFrame:
    """A finalist's confirmation runs by seed."""
    runs, wanted = study.confirmed, finalists(study).get(role)
    if wanted is None:
        return runs.iloc[:0]
    same = [name for name in wanted if name != "seed"]
    matches = np.logical_and.reduce([runs[name].eq(wanted[name]) for name in same])
    return runs[matches].sort_values("seed")


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
    runs = [*of_finalist(study, "winner").run_id, *of_finalist(study, other).run_id]
    return Finding(
        topic="lead",
        claim=claim + ".",
        effect=f"{estimate.mean:+.4f}",
        interval=_interval(estimate),
        n=estimate.n,
        verdict=verdict,
        evidence=runs,
        next_step="" if verdict == SUPPORTED else _more_pairs(difference.to_numpy(), other),
    )


def _more_pairs(difference: np.ndarray, other: str) -> str:
    if len(difference) < 2:
        return "One seed says nothing of its own spread: --confirm-seeds 5."
    if np.ptp(difference) == 0 and difference[0]:
        return f"Equal differences show no spread to judge by: --confirm-seeds {max(5, 2 * len(difference))}."
    needed = pairs_needed(difference)
    if needed is None:
        return f"No number of seeds up to 1,000 would tell winner and {other} apart: take whichever is cheaper."
    seeds = max(needed, len(difference) + 1)
    return f"A lead of this size would be found in four cases of five with --confirm-seeds {seeds}."


@lru_cache(maxsize=1)
def influences_of(study: Study) -> list[Influence]:
    """The influence of every searched hyperparameter among the designed runs that trained at all."""
    return influences(trained_runs(study), {name: study.space[name] for name in study.searched})


def influence_verdict(row: Influence) -> str:
    return SUPPORTED if row.p_holm < 0.05 else SUGGESTIVE if row.p_holm < 0.2 else INCONCLUSIVE


def influence_claims(study: Study) -> list[Finding]:
    """Which hyperparameters matter among the designed runs that trained at all."""
    trained, rows = trained_runs(study), influences_of(study)
    if not rows:
        n, names = len(trained), ", ".join(study.searched)
        claim = f"{n} designed trials that trained are too few to say which of {names} matters."
        step = "Needed: " + _larger_study(max(32, 2 * n))
        if n >= 8 and trained.objective.nunique() == 1:
            claim = f"All {n} designed trials that trained reached the same accuracy: {names} cannot be told apart."
            step = "Widen the ranges, or study a harder data set."
        return [Finding("influence", claim, "", "", n, INCONCLUSIVE, list(trained.run_id), step)]
    made = []
    for row in rows:
        verdict = influence_verdict(row)
        words = {SUPPORTED: "matters", SUGGESTIVE: "may matter", INCONCLUSIVE: "shows no clear influence"}[verdict]
        claim = (
            f"{row.name} {words}: it explains {row.share:.0%} of the variance in rank that the other hyperparameters "
            f"leave (p = {row.p_holm:.4f}, corrected for {len(rows)} tests)."
        )
        best = best_bucket(trained, row.name, study.space[row.name]) if verdict == SUPPORTED else ""
        step = "" if verdict == SUPPORTED else _more_trials(row)
        interval = f"[{row.low:.0%}, {row.high:.0%}]"
        made.append(
            Finding(
                *("influence", claim + best, f"{row.share:.0%}", interval, row.n, verdict, list(trained.run_id)),
                next_step=step,
            )
        )
    return made


def _more_trials(row: Influence) -> str:
    if row.needed is None:
        return "An influence this small would need more than 4,096 designed trials to be found."
    return "To be surer: " + _larger_study(max(row.needed, 2 ** row.n.bit_length()))


def _larger_study(designed: int) -> str:
    designed = 2 ** (designed - 1).bit_length()
    return f"a study with --trials {designed * 3 // 2} has {designed} designed ones."


def best_bucket(runs: pd.DataFrame, name: str, row: dict[str, Any]) -> str:
    """In which part of its range, by thirds, or at which level the median run is best, as a sentence."""
    grouped = runs.objective.groupby(bucket(runs[name], row), observed=True)
    medians = grouped.median().sort_values()
    return (
        f" The median run is best with {name} {medians.index[-1]} ({medians.iloc[-1]:.4f}) and worst with "
        f"{medians.index[0]} ({medians.iloc[0]:.4f})."
    )


def bucket(values: pd.Series, row: dict[str, Any], buckets: int = 3) -> pd.Series:
    """Labels of equal parts of the range on its own scale; the values themselves where there are few."""
    if not is_numeric(row) or values.nunique() <= 4:
        return values.astype(str)
    edges = np.linspace(0, 1, buckets + 1)
    number = np.clip(np.digitize(scaled(values, row), edges[1:-1]), 0, buckets - 1)
    low, high = (row["low"], row["high"]) if row["kind"] == "range" else (min(row["options"]), max(row["options"]))
    log = row.get("log", low > 0)
    ends = np.geomspace(low, high, buckets + 1) if log else np.linspace(low, high, buckets + 1)
    labels = [f"{a:.3g} to {b:.3g}" for a, b in pairwise(ends)]
    return pd.Series(pd.Categorical([labels[i] for i in number], labels, ordered=True), index=values.index)


def failed(study: Study) -> pd.Series:
    """Which of the designed runs diverged, or learned next to nothing."""
    chance = 1 / int(study.tags.get("study.classes", 10))
    return (study.explored.state == DIVERGED) | (study.explored.objective <= chance + LEARNED * (1 - chance))


def trained_runs(study: Study) -> pd.DataFrame:
    """The designed runs that learned something."""
    return study.explored[~failed(study)]


def failure_claims(study: Study) -> list[Finding]:
    """How often training fails, over the whole space."""
    runs, bad = study.explored, failed(study)
    if runs.empty:
        return []
    share = rate(int(bad.sum()), len(runs))
    diverged = int((runs.state == DIVERGED).sum())
    claim = (
        f"{int(bad.sum())} of {len(runs)} designed trials failed to train: {diverged} diverged, and "
        f"{int(bad.sum()) - diverged} ended at or near chance."
    )
    interval = f"[{share.low:.0%}, {share.high:.0%}]"
    return [
        Finding("failure", claim, f"{share.mean:.0%}", interval, len(runs), SUPPORTED, list(runs[bad].run_id), ""),
    ]


def noise_claims(study: Study) -> list[Finding]:
    """How far the seed alone moves the outcome, and so which differences this study could have seen."""
    groups = [of_finalist(study, role)["test/accuracy"] for role in finalists(study)]
    estimate, seeds = spread(groups), min((len(group) for group in groups if len(group) > 1), default=0)
    if estimate is None or estimate.mean == 0:
        return []
    smallest = smallest_difference(estimate.mean, seeds)
    claim = (
        f"The seed alone moves test accuracy by a standard deviation of {estimate.mean:.4f}; with {seeds} paired seeds "
        f"a difference of {smallest:.4f} would be found in four cases of five, a smaller one less often."
    )
    interval = f"[{estimate.low:.4f}, {estimate.high:.4f}]"
    evidence = list(study.confirmed.run_id)
    return [Finding("noise", claim, f"{estimate.mean:.4f}", interval, estimate.n, SUPPORTED, evidence, "")]


class Crowd(NamedTuple):
    """`count` of the best trials, `runs`, lie at the lower or upper `end` of a range."""

    name: str
    side: str
    end: float
    count: int
    runs: list[str]


def crowds(study: Study) -> list[Crowd]:
    """The ends of ranges at which the best trials crowd; none where there are too few trials to speak of the best."""
    complete = study.trials[study.trials.state == COMPLETE].sort_values("objective", ascending=False)
    top = complete.head(max(3, int(np.ceil(TOP_SHARE * len(complete)))))
    if len(complete) < 2 * len(top):
        return []
    found = []
    for name, row in study.space.items():
        if row["kind"] == "range":
            u = scaled(top[name], row)
            for side, end, near in (("lower", row["low"], u <= EDGE), ("upper", row["high"], u >= 1 - EDGE)):
                if near.sum() >= max(2, 0.4 * len(top)) and not is_natural_end(name, end):
                    found.append(Crowd(name, side, end, int(near.sum()), list(top.run_id)))
    return found


def boundary_claims(study: Study) -> list[Finding]:
    """Where the best trials crowd at an end of a range."""
    return [_boundary(crowd) for crowd in crowds(study)]


def _boundary(crowd: Crowd) -> Finding:
    n, beyond = len(crowd.runs), "below" if crowd.side == "lower" else "above"
    claim = (
        f"{crowd.count} of the {n} best trials lie within 5% of the {crowd.side} end of {crowd.name}, {crowd.end:g}."
    )
    step = f"Extend {crowd.name} {beyond} {crowd.end:g}: its best value may lie there."
    return Finding("boundary", claim, f"{crowd.count}/{n}", "", n, SUGGESTIVE, crowd.runs, step)


def is_natural_end(name: str, end: float) -> bool:
    """Whether a range cannot be extended there: whole numbers of layers or so start at 1, shares at 0."""
    return (isinstance(end, int) and end <= 1) or end == 0 or name in ("depth", "seed")


def _interval(estimate: Estimate) -> str:
    return "" if estimate.low is None else f"[{estimate.low:+.4f}, {estimate.high:+.4f}]"


CLAIMS: dict[str, Callable[[Study], Sequence[Finding]]] = {
    "lead": lead_claims,
    "noise": noise_claims,
    "influence": influence_claims,
    "failure": failure_claims,
    "boundary": boundary_claims,
}
