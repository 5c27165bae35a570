"""Two studies side by side: winners over equal seeds, effects that agree and that do not, and cost."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from hyperstudy.reports.page.objective import seeds_and_means
from hyperstudy.reports.page.section import Finding, Section
from hyperstudy.reports.page.style import canvas
from hyperstudy.reports.statistics.agreement import Agreement
from hyperstudy.reports.statistics.intervals import pairs_needed
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.reports.versus import Versus
from hyperstudy.study.comparisons.arms import short
from hyperstudy.study.comparisons.seeds import accuracy_of
from hyperstudy.study.outputs.names import FINISHED


def winner_claims(versus: Versus) -> list[Finding]:
    """The second study's winner against the first's, over the seeds that both have."""
    found, (one, two) = versus.difference, versus.both
    if found is None:
        return []
    objective = one.objective
    name, higher = objective.confirmed.name, "higher" if objective.accuracy else "better"
    article = "an" if name[0] in "aeiou" else "a"
    claim = f"The winner of {two.name} reaches {article} {name} {objective.apart(found.mean)} that of {one.name}, "
    claim += f"over {found.n} equal seeds"
    if found.low is not None:
        claim += f"; the probability that it is {higher}, from a flat prior, is {versus.chance:.2f}"
    runs = [run for study in versus.both for run in study.of_finalist("winner").run_id]
    step = "" if versus.verdict == SUPPORTED else _more_seeds(versus)
    effect, interval = objective.signed(found.mean), objective.gain_interval(found.low, found.high)
    return [Finding(f"{claim}.", effect, interval, found.n, versus.verdict, runs, step)]


def _more_seeds(versus: Versus) -> str:
    n = len(versus.pairs)
    needed = pairs_needed(versus.pairs["second"] - versus.pairs["first"])
    if n > 1 and needed is None:
        return "To find a difference this small takes over 1,000 seeds: take whichever is cheaper."
    return f"Repeat both studies with --confirm-seeds {max(5, n + 1, needed or 0)}."


def winners(versus: Versus) -> Figure | None:
    """Test accuracy of both winners. Thin lines join equal seeds; diamonds are means with their 95% intervals."""
    if versus.difference is None:
        return None
    figure, axes = canvas(3.2)
    names = [study.name for study in versus.both]
    seeds_and_means(axes, versus.pairs, versus.study.objective)
    axes.set_xticks(range(2), names)
    axes.set_xlim(-0.4, 1.6)
    return figure


def winner_table(versus: Versus) -> pd.DataFrame:
    """Both winners over the seeds of their own confirmation: mean test accuracy with its 95% interval."""
    rows = []
    for study in versus.both:
        runs = study.of_finalist("winner")
        values = study.finalists.get("winner", {})
        objective, found = study.objective, accuracy_of(study.answered("winner"), study.objective)
        reached = objective.measured(*found[:3]) if len(runs) else None
        rows.append({"study": study.name, f"{objective.confirmed.name} [95%]": reached, "seeds": len(runs)})
        rows[-1] |= {name: values.get(name) for other in versus.both for name in other.searched}
    return pd.DataFrame(rows)


def effect_claims(versus: Versus) -> list[Finding]:
    """Which hyperparameters act alike in both studies, which do not, and which cannot be told."""
    if versus.shared and not versus.agreements:
        counts = [len(part.trained) for part in (versus.first, versus.second)]
        claim = f"{counts[0]} and {counts[1]} designed trials that trained are too few to compare effects."
        return [Finding(claim, "", "", sum(counts), INCONCLUSIVE, [], "Studies with --trials 48 have enough.")]
    return [_effect(versus, row) for row in versus.agreements.values()]


def _effect(versus: Versus, row: Agreement) -> Finding:
    names, verdicts = [study.name for study in versus.both], _verdicts(versus, row.name)
    seen = [name for name, verdict in zip(names, verdicts, strict=True) if verdict == SUPPORTED]
    verdict, runs = INCONCLUSIVE, [run for part in (versus.first, versus.second) for run in part.trained.run_id]
    best = f"best near {short(row.first_best)} in {names[0]} and near {short(row.second_best)} in {names[1]}"
    if len(seen) < 2:
        where = f"in {seen[0]} alone, which is no proof that they differ" if seen else "in neither study"
        claim = f"{row.name}: an influence is supported {where}."
    elif row.low > 0:
        claim, verdict = f"{row.name} acts alike in both studies: {best}.", SUPPORTED
    elif row.high < 0:
        claim, verdict = f"{row.name} acts in opposite ways: {best}.", SUPPORTED
    else:
        claim = f"{row.name} matters in both studies, and it cannot be told whether alike: {best}."
    interval = f"[{row.low:+.2f}, {row.high:+.2f}]"
    return Finding(claim, f"{row.correlation:+.2f}", interval, len(runs), verdict, runs)


def _verdicts(versus: Versus, name: str) -> list[str]:
    """On the influence of a hyperparameter in each study."""
    tables = ({row.name: row.verdict for row in part.influences} for part in (versus.first, versus.second))
    return [table.get(name, INCONCLUSIVE) for table in tables]


def effect_table(versus: Versus) -> pd.DataFrame:
    """Each hyperparameter that both studies searched: its share of the variance in rank and the verdict in each, where
    the averaged effect is best, and the correlation of the two effects over the part that both searched, with its 95%
    interval: 1 is alike, -1 opposite."""
    parts = (versus.first, versus.second)
    rows: list[dict[str, Any]] = []
    for name in versus.shared:
        rows.append({"hyperparameter": name})
        for study, part, place in zip(versus.both, parts, ("first_best", "second_best"), strict=True):
            share = next((row.share.total for row in part.influences if row.name == name), None)
            found = versus.agreements.get(name)
            rows[-1][f"{study.name}: share"] = None if share is None else f"{share:.0%}"
            rows[-1][f"{study.name}: best"] = short(getattr(found, place)) if found else None
        for study, verdict in zip(versus.both, _verdicts(versus, name), strict=True):
            rows[-1][f"{study.name}: verdict"] = verdict
        rows[-1]["correlation"] = f"{found.correlation:+.2f} [{found.low:+.2f}, {found.high:+.2f}]" if found else None
    return pd.DataFrame(rows)


def cost_table(versus: Versus) -> pd.DataFrame:
    """What each study took, and what its winner takes: seconds of training over all finished runs, and the mean of a
    confirmation run; parameters."""
    rows = []
    for study in versus.both:
        done, runs = study.runs[study.runs.state.isin(FINISHED)], study.of_finalist("winner")
        rows.append({"study": study.name, "trials": len(study.trials), "all runs": len(done)})
        rows[-1] |= {"training in all (s)": float(done.train_seconds.sum())}
        rows[-1] |= {"winner's training (s)": float(runs.train_seconds.mean()) if len(runs) else None}
        rows[-1] |= {"winner's parameters": int(runs.parameters.iloc[0]) if runs.parameters.notna().any() else None}
    return pd.DataFrame(rows).dropna(axis=1, how="all")


SECTIONS = (
    Section(
        "Which winner is better",
        nothing="Not both winners were confirmed on common seeds.",
        claims={"winners": winner_claims},
        figures={"winners": winners},
        tables={"winners": winner_table},
    ),
    Section(
        "Which effects agree",
        nothing="No hyperparameter was searched in both studies by enough trials.",
        claims={"effects": effect_claims},
        tables={"effects": effect_table},
    ),
    Section("What they cost", tables={"costs": cost_table}),
)
