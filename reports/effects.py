"""Which hyperparameters matter, and which act together: claims of the designed trials."""

from functools import lru_cache

import pandas as pd

from reports.finding import INCONCLUSIVE, SUGGESTIVE, SUPPORTED, Finding, larger_study
from reports.frames import Study
from reports.influence import Influence
from reports.interactions import LEVEL, Interaction, trials_needed
from reports.scales import Row, bucket
from reports.scaling import RULES, Scaling, lr_scaling
from reports.selection import (
    accuracy_surrogate_of,
    influences_of,
    interactions_of,
    shares_of,
    surrogate_of,
    trained_runs,
)


def influence_verdict(row: Influence) -> str:
    return SUPPORTED if row.p_holm < 0.05 else SUGGESTIVE if row.p_holm < 0.2 else INCONCLUSIVE


def influence_claims(study: Study) -> list[Finding]:
    """Which hyperparameters matter among the designed runs that trained at all."""
    rows = influences_of(study)
    return [_influence(study, row, len(rows)) for row in rows] if rows else [_nothing_to_test(study)]


def _nothing_to_test(study: Study) -> Finding:
    trained, names = trained_runs(study), ", ".join(study.searched)
    n = len(trained)
    claim = f"{n} designed trials that trained are too few to say which of {names} matters."
    step = "Needed: " + larger_study(study, 32)
    if n >= 8 and trained.objective.nunique() == 1:
        claim = f"All {n} designed trials that trained reached the same accuracy: {names} cannot be told apart."
        step = "Widen the ranges, or study a harder data set."
    return Finding("influence", claim, "", "", n, INCONCLUSIVE, list(trained.run_id), step)


def _influence(study: Study, row: Influence, tests: int) -> Finding:
    trained, verdict = trained_runs(study), influence_verdict(row)
    words = {SUPPORTED: "matters", SUGGESTIVE: "may matter", INCONCLUSIVE: "shows no clear influence"}[verdict]
    share, effect, interval = shares_of(study).get(row.name), "", ""
    how = "how much cannot be said, since the surrogate predicts too little"
    if share is not None:
        effect, interval = f"{share.total:.0%}", f"[{share.total_low:.0%}, {share.total_high:.0%}]"
        how = f"{share.total:.0%} of the variance in rank goes with it, {max(share.first, 0):.0%} with it alone"
        floor = surrogate_of(study).floor
        how += f", where an inert dummy is given up to {floor:.0%}" if share.total <= floor else ""
    claim = f"{row.name} {words} (p = {row.p_holm:.4f}, corrected for {tests} tests): {how}."
    if verdict == SUPPORTED:
        claim += best_bucket(trained, row.name, study.space[row.name])
    step = "" if verdict == SUPPORTED else _more_trials(study, row)
    return Finding("influence", claim, effect, interval, row.n, verdict, list(trained.run_id), step)


def _more_trials(study: Study, row: Influence) -> str:
    if row.needed is None:
        return "An influence this small would need more than 4,096 designed trials to be found."
    return "To be surer: " + larger_study(study, row.needed)


def best_bucket(runs: pd.DataFrame, name: str, row: Row) -> str:
    """In which part of its range, by thirds, or at which level the median run is best, as a sentence."""
    medians = runs.objective.groupby(bucket(runs[name], row), observed=True).median().sort_values()
    return (
        f" The median run is best with {name} {medians.index[-1]} ({medians.iloc[-1]:.4f}) and worst with "
        f"{medians.index[0]} ({medians.iloc[0]:.4f})."
    )


def interaction_claims(study: Study) -> list[Finding]:
    """Which pairs act together; one sentence says that none was found, or that there were too few trials to look."""
    rows, trained = interactions_of(study), trained_runs(study)
    if len(study.searched) < 2 or not influences_of(study):
        return []
    runs, step = list(trained.run_id), "To see more: " + larger_study(study, trials_needed(study.space))
    if not rows:
        claim = f"{len(trained)} designed trials that trained are too few to look for interactions."
        return [Finding("interaction", claim, "", "", len(trained), INCONCLUSIVE, runs, step)]
    found = [row for row in rows if row.found]
    if found:
        return [_interaction(row, len(rows), runs) for row in found]
    claim = f"None of {len(rows)} pairs shows an interaction (least p = {rows[0].p:.2f}, corrected; level {LEVEL:g})."
    return [Finding("interaction", claim, "", "", len(trained), INCONCLUSIVE, runs, step)]


def _interaction(row: Interaction, pairs: int, runs: list[str]) -> Finding:
    one, two = row.pair
    claim = (
        f"{one} and {two} act together: what one does depends on the other. Their product accounts for {row.share:.0%} "
        f"of the variance beyond what each does alone, on the scale of {row.scale} (p = {row.p:.4f}, corrected for "
        f"{pairs} pairs)."
    )
    return Finding("interaction", claim, f"{row.share:.0%}", "", row.n, SUPPORTED, runs)


@lru_cache(maxsize=1)
def scaling_of(study: Study) -> Scaling | None:
    """How the best learning rate moves with the batch size; None where the trials do not tell."""
    surrogate = accuracy_surrogate_of(study)
    return lr_scaling(surrogate) if surrogate else None


def scaling_claims(study: Study) -> list[Finding]:
    """How the best learning rate moves with the batch size, against the rules that are taught."""
    scaling = scaling_of(study)
    if scaling is None:
        return []
    left = [rule for rule, exponent in RULES.items() if scaling.low <= exponent <= scaling.high]
    excluded = [rule for rule in RULES if rule not in left]
    claim = (
        "At equal epochs, so with fewer updates for larger batches, the best lr moves as batch_size to the power of "
        f"{scaling.exponent:.2f}. Of the rules that are taught this fits {', '.join(left) or 'none'}"
    )
    claim += f" and speaks against {', '.join(excluded)}." if excluded else "; none is excluded."
    verdict = SUPPORTED if excluded else INCONCLUSIVE
    interval, n = f"[{scaling.low:.2f}, {scaling.high:.2f}]", len(trained_runs(study))
    step = "" if excluded else "To tell the rules apart: " + larger_study(study)
    return [
        Finding(
            "scaling", claim, f"{scaling.exponent:.2f}", interval, n, verdict, list(trained_runs(study).run_id), step
        )
    ]
