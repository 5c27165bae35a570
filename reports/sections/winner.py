"""Which configuration to use: the finalists compared over fresh seeds, and the noise of the seed."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.objective import noise_band, seeds_and_means
from hyperstudy.reports.page.points import remark
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import canvas
from hyperstudy.reports.statistics.intervals import pairs_needed, seeds_needed, smallest_difference
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUGGESTIVE, SUPPORTED, verdict_on
from hyperstudy.study.comparisons.choice import in_words
from hyperstudy.study.comparisons.seeds import accuracy_of, difference_table, is_constant, lead_of
from hyperstudy.study.core.text import literal
from hyperstudy.study.outputs.names import DEFAULT, EARLIER, RUNNER_UP


def lead_claims(analysis: Analysis) -> list[Finding]:
    """The winner against the default, then against the runner-up; that the default was not beaten, where it won."""
    study = analysis.study
    others = [other for other in (DEFAULT, EARLIER, RUNNER_UP) if len(study.paired("winner", other))]
    return [*_unbeaten(study), *(_lead(study, other) for other in others)]


def _unbeaten(study: Study) -> list[Finding]:
    """That the default won the re-ranking, by the lead of the best candidate over it; nothing if it did not."""
    found = study.reranking
    if not study.default_won:
        return []
    if found is None or found.lead is None:
        return [Finding("The default was not beaten: it is the winner.", "", "", 0, INCONCLUSIVE, [])]
    # Candidates and default have as many values, so the pooled variance has a freedom of each.
    half = stats.t.ppf(0.975, (found.seeds - 1) * found.compared) * found.error
    low, high = found.lead - half, found.lead + half
    verdict = SUPPORTED if high < 0 else SUGGESTIVE if found.lead <= 0 else INCONCLUSIVE
    runs = [run for role in ("winner", "runner-up") for run in study.reranking_runs(role).run_id]
    step = "" if verdict == SUPPORTED else "A study with more --trials may find a configuration that beats it."
    claim, effect = f"{in_words(found, study.objective)} Use the default.", study.objective.signed(found.lead)
    interval = study.objective.gain_interval(low, high)
    return [Finding(claim, effect, interval, found.seeds, verdict, runs, step)]


def _lead(study: Study, other: str) -> Finding:
    found = lead_of(study.answered("winner"), study.answered(other))
    estimate, chance, pictures = found
    known, verdict = estimate.low is not None, verdict_on(found)
    where = "on these test pictures" if pictures is None else f"on pictures like these {pictures:,}"
    objective = study.objective
    name = f"accuracy {where}" if objective.accuracy else objective.confirmed.name
    claim = f"The winner's {name} is {objective.apart(estimate.mean)} the {other}'s, over seeds"
    better = "higher" if objective.accuracy else "better"
    claim += f"; the probability that it is {better}, from a flat prior, is {chance:.2f}" if known else ""
    claim += f". Use the {other} instead." if verdict == SUPPORTED and estimate.mean < 0 else "."
    runs = [*study.of_finalist("winner").run_id, *study.of_finalist(other).run_id]
    step, interval = "" if verdict == SUPPORTED else _more_seeds(study, other), objective.gain_interval(*estimate[1:3])
    return Finding(claim, objective.signed(estimate.mean), interval, estimate.n, verdict, runs, step)


def _more_seeds(study: Study, other: str) -> str:
    """What would settle a lead: more seeds, where any number of them does."""
    pairs, table = study.paired("winner", other), difference_table(study.answered("winner"), study.answered(other))
    difference = (pairs["first"] - pairs["second"]).to_numpy()
    if len(difference) < 2:
        return "One seed does not show how much seeds vary: --confirm-seeds 5."
    if is_constant(difference) and (table is None or is_constant(table)):
        return f"Equal differences show no spread to judge by: --confirm-seeds {max(5, 2 * len(difference))}."
    needed = pairs_needed(difference) if table is None else seeds_needed(table)
    if needed is None and table is not None:
        return f"{table.shape[1]:,} test pictures are too few for a lead this small: take whichever is cheaper."
    if needed is None:
        return f"To find a lead this small takes over 1,000 seeds: take winner or {other}, whichever is cheaper."
    seeds = max(needed, len(difference) + 1)
    return f"Four studies in five would find a lead of this size with --confirm-seeds {seeds}."


def noise_claims(analysis: Analysis) -> list[Finding]:
    """How much the seed alone changes the outcome, and so which differences this study could have found."""
    study, estimate = analysis.study, analysis.test_noise
    if estimate is None:
        return []
    runs = [study.of_finalist(role).run_id for role in study.finalists]
    seeds = max(map(len, runs))
    objective, smallest = study.objective, smallest_difference(estimate.mean, seeds)
    found = (
        f"four studies in five would find a difference of {objective.sized(smallest)}; a smaller one is found less "
        "often."
    )
    if smallest >= (1 if objective.accuracy else np.inf):
        found = "no difference would be found in four studies of five: --confirm-seeds 5."
    claim = (
        f"Over seeds, {objective.confirmed.name} has a standard deviation of {objective.sized(estimate.mean)}; with "
        f"{seeds} paired seeds {found}"
    )
    size, low, high = map(objective.size, estimate[:3])
    return [Finding(claim, size, f"[{low}, {high}]", estimate.n, "", [run for ids in runs for run in ids])]


def lead(analysis: Analysis) -> Figure | None:
    """Test accuracy of the finalists on fresh seeds. Thin lines join equal seeds; diamonds are means with their 95%
    intervals over seeds alone; the band is the winner's mean plus or minus two standard deviations over seeds."""
    study = analysis.study
    roles = [role for role in study.finalists if len(study.of_finalist(role))]
    if not roles:
        return None
    wide = pd.DataFrame({role: study.of_finalist(role).set_index("seed").tested for role in roles})
    figure, axes = canvas(3.6)
    noise_band(axes, wide[roles[0]].mean(), analysis.test_noise, study.objective)
    seeds_and_means(axes, wide, study.objective)
    axes.set_xticks(range(len(roles)), list(map(literal, roles)))
    axes.set_xlim(-0.4, len(roles) - 0.6)
    if study.objective.test_key:
        remark(axes, "Only confirmation runs are tested on the test set.")
    return figure


def finalist_table(analysis: Analysis) -> pd.DataFrame:
    """The finalists over fresh seeds: mean test accuracy with its 95% interval, which carries seeds and
    test pictures where the runs kept their answers, and the cost of a run."""
    study, objective, rows = analysis.study, analysis.study.objective, []
    for role, values in study.finalists.items():
        runs = study.of_finalist(role)
        if len(runs):
            mean, low, high, seeds = accuracy_of(study.answered(role), objective)
            reached = {objective.confirmed.name: objective.measured(mean, low, high), "seeds": seeds}
            rows.append({"role": role, **reached, "train_seconds": runs.train_seconds.mean()})
            rows[-1] |= {"parameters": int(runs.parameters.iloc[0])} if runs.parameters.notna().all() else {}
            rows[-1] |= {name: values[name] for name in study.searched}
    return pd.DataFrame(rows)


SECTION = Section(
    "Which configuration to use",
    nothing="Nothing was confirmed on the test set, so no configuration can be recommended yet.",
    claims={"lead": lead_claims, "noise": noise_claims},
    figures={"lead": lead},
    tables={"finalists": finalist_table},
    open_tables={"finalists"},
)
