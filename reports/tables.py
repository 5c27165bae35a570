"""The tables, each a frame that is also written as CSV; a docstring is its caption."""

from collections.abc import Callable

import pandas as pd

from reports.breaking import breaks_of, logistic_of
from reports.claims import findings
from reports.curves import tags_of
from reports.defaults import judged
from reports.effects import influence_verdict
from reports.experiments import SEEDS, change, hypotheses_of, missing_runs, results_of, seconds_of
from reports.frames import Study
from reports.reproduced import comparisons
from reports.scales import bucket
from reports.selection import failed, finalists, influences_of, of_finalist, shares_of, surrogate_of
from reports.stats import mean_interval, rate
from study.outputs.names import COMPLETE


def finalist_table(study: Study) -> pd.DataFrame:
    """The finalists over fresh seeds: mean test accuracy with its 95% interval, and what a run of each costs."""
    rows = []
    for role, values in finalists(study).items():
        runs = of_finalist(study, role)
        if len(runs):
            estimate = mean_interval(runs["test/accuracy"], bounds=(0, 1))
            cost = {"train_seconds": runs.train_seconds.mean(), "parameters": int(runs.parameters.iloc[0])}
            rows.append({"role": role, "test accuracy": str(estimate), "seeds": estimate.n, **cost})
            rows[-1] |= {name: values[name] for name in study.searched}
    return pd.DataFrame(rows)


def finding_table(study: Study) -> pd.DataFrame:
    """Every claim with its effect, interval, sample size and verdict."""
    rows = [finding._asdict() | {"evidence": " ".join(finding.evidence)} for finding in findings(study)]
    return pd.DataFrame(rows)


def importance_table(study: Study) -> pd.DataFrame:
    """Sobol indices of a Gaussian process on the designed trials that trained, as shares of the variance in rank, noise
    included, with 95% intervals, and p values of the permutation test, corrected by Holm. R2 is cross-validated;
    floor is the largest total index of the inert dummy over 19 shuffles of it."""
    surrogate, tests = surrogate_of(study), {row.name: row for row in influences_of(study)}
    rows = []
    for name, share in shares_of(study).items():
        test = tests.get(name)
        verdict = "" if test is None else influence_verdict(test)
        alone, total = (f"[{low:.1%}, {high:.1%}]" for low, high in (share[1:3], share[4:6]))
        rows.append({"hyperparameter": name, "alone": f"{max(share.first, 0):.1%}", "interval": alone})
        rows[-1] |= {"total": f"{share.total:.1%}", "total interval": total, "p": test.p_holm if test else None}
        rows[-1] |= {"verdict": verdict, "R2": surrogate.r2, "floor": surrogate.floor, "trials": surrogate.n}
    return pd.DataFrame(rows)


def default_table(study: Study) -> pd.DataFrame:
    """What there is to gain by changing one hyperparameter from its default, all else as in the winner: by experiment
    on the test pictures where there is one, else by the surrogate in validation. It can be left alone where even the
    interval's upper end is below the seed's standard deviation there."""
    rows = [
        {
            **{"hyperparameter": row.name, "default": row.default, "by": by, "gain": f"{row.gain:.4f}"},
            **{
                "interval": f"[{row.low:.4f}, {row.high:.4f}]",
                "seed": row.margin,
                "leave it": "yes" if row.safe else "no",
            },
        }
        for row, by in judged(study)
    ]
    return pd.DataFrame(rows)


def hypothesis_table(study: Study) -> pd.DataFrame:
    """The hypotheses about winner and default. Alone: all else as in the winner; path: from default to winner, one
    hyperparameter after another. Runs that two rows share are counted in the first; seconds of training are estimated.
    Differences, once there are any, are in test accuracy over paired seeds, with 95% intervals; p corrected by Holm."""
    hypotheses, results = hypotheses_of(study), {result.hypothesis[:2]: result for result in results_of(study)}
    seeds, counted, rows = max(SEEDS, len(of_finalist(study, "winner"))), [], []
    for row in hypotheses:
        new = [arm for arm in (row.low, row.high) if arm.levels not in counted]
        counted += [arm.levels for arm in new]
        missing = {arm.name: missing_runs(study, arm, seeds) for arm in new}
        seconds = [seconds_of(study, arm) for arm in new]
        cost = None if None in seconds else sum(s * n for s, n in zip(seconds, missing.values(), strict=True))
        rows.append({"kind": row.kind, "change": change(row), "missing runs": sum(missing.values()), "seconds": cost})
        if result := results.get(row[:2]):
            p = {"p": result.p, "verdict": result.verdict, "seeds": result.estimate.n}
            rows[-1] |= {"difference": str(result.estimate), **p}
    return pd.DataFrame(rows)


def limit_table(study: Study) -> pd.DataFrame:
    """Where a designed trial fails as often as not, by logistic regression, over all and at each level or third of the
    range of each other hyperparameter, with 95% bootstrap intervals."""
    rows = []
    for found in (row for row in breaks_of(study) if row.found and row.side != "at"):
        model = logistic_of(study, found)
        for (other, level), limit in {("all", "all"): model.limit, **model.levels}.items():
            if limit is not None:
                shown = {"fails": f"{found.name} {found.side}", "other": other, "level": level, "limit": limit.value}
                rows.append({**shown, "interval": f"[{limit.low:.3g}, {limit.high:.3g}]"})
    return pd.DataFrame(rows)


def failure_table(study: Study) -> pd.DataFrame:
    """Designed trials that diverged or ended at or near chance, by part of each range, with Wilson's 95% interval."""
    runs, bad = study.explored, failed(study)
    rows = []
    for name in study.searched if len(runs) else ():
        for level, part in bad.groupby(bucket(runs[name], study.space[name]), observed=True):
            share = rate(int(part.sum()), len(part))
            interval = f"[{share.low:.0%}, {share.high:.0%}]"
            rows.append({"hyperparameter": name, "level": level, "trials": len(part), "failed": int(part.sum())})
            rows[-1] |= {"share": f"{share.mean:.0%}", "interval": interval}
    return pd.DataFrame(rows)


def best_by_level(study: Study) -> pd.DataFrame:
    """The best designed trial of each part of each range; every part counts equally many trials, drawn in order."""
    runs = study.explored[study.explored.state == COMPLETE].sort_values("trial")
    rows = []
    for name in study.searched if len(runs) else ():
        groups = runs.groupby(bucket(runs[name], study.space[name]), observed=True)
        equal = int(groups.size().min())
        for level, group in groups:
            best = group.head(equal).sort_values("objective", ascending=False).iloc[0]
            rows.append(
                {"hyperparameter": name, "level": level, "trials": equal, "best": best.objective, "run": best["name"]}
                | {"link": best.link}
            )
    return pd.DataFrame(rows)


def early_ranking(study: Study) -> pd.DataFrame:
    """How well an epoch's validation accuracy already ranks the designed trials as their last epoch does: Spearman's
    correlation. A pruner that decides where it is low loses good trials."""
    runs = study.explored[study.explored.state == COMPLETE].set_index("run_id")
    curves = study.curves[study.curves.run_id.isin(runs.index)]
    if len(runs) < 8 or curves.empty:
        return pd.DataFrame()
    wide = curves.pivot(index="run_id", columns="epoch", values="val/accuracy")
    final = runs.objective.reindex(wide.index)
    rows = [
        {"epoch": epoch, "correlation": wide[epoch].corr(final, "spearman"), "trials": int(wide[epoch].notna().sum())}
        for epoch in wide
    ]
    return pd.DataFrame(rows)


def trial_table(study: Study) -> pd.DataFrame:
    """Every run, with a link to its page in the tracker."""
    columns = [
        "name",
        "state",
        "ended",
        "objective",
        "best_val_accuracy",
        "best_epoch",
        "test/accuracy",
        "train_seconds",
        "steps",
    ]
    runs = study.runs.assign(ended=study.runs.run_id.map(tags_of(study)))
    runs = runs.reindex(columns=[*columns[:3], *study.searched, *columns[3:], "link"])
    return runs.reset_index(drop=True)


def class_table(study: Study) -> pd.DataFrame:
    """How often the winner was right about each class of the test pictures, in one confirmation run, and what it took
    that class for most often when it was wrong."""
    if study.answers is None:
        return pd.DataFrame()
    rows, counts = [], study.answers.counts
    for name, row in zip(counts.index, counts.to_numpy(), strict=True):
        right, total = int(row[list(counts.index).index(name)]), int(row.sum())
        others = {other: count for other, count in zip(counts.columns, row, strict=True) if str(other) != str(name)}
        worst = max(others, key=others.__getitem__)
        mistaken = f"{worst} ({others[worst]})" if others[worst] else ""
        interval = str(rate(right, total)) if total else ""
        rows.append({"class": name, "pictures": total, "accuracy [95%]": interval, "mistaken most often for": mistaken})
    return pd.DataFrame(rows)


def recipe_table(study: Study) -> pd.DataFrame:
    """Every published figure beside ours after the same epoch: our mean over seeds with its 95% interval, where one
    more run of ours would lie with 95% probability, and the verdict. `reproduced`: the published figure lies there;
    `within 0.01` of our mean, but not there; else ours is higher or lower. Test figures of recipes are of the whole
    test set after every epoch, by which nothing was chosen."""
    rows = []
    for row in comparisons(study):
        one = "" if row.run_low is None else f"[{row.run_low:.4f}, {row.run_high:.4f}]"
        figures = {"published": row.published, "reproduced [95%]": str(row.estimate), "one more run [95%]": one}
        where = {"recipe": row.recipe, "metric": row.metric, "epoch": row.epoch}
        rows.append({**where, **figures, "seeds": row.estimate.n, "verdict": row.verdict})
    return pd.DataFrame(rows)


TABLES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "finalists": finalist_table,
    "findings": finding_table,
    "importance": importance_table,
    "defaults": default_table,
    "hypotheses": hypothesis_table,
    "failures": failure_table,
    "limits": limit_table,
    "best_by_level": best_by_level,
    "early_ranking": early_ranking,
    "classes": class_table,
    "recipes": recipe_table,
    "trials": trial_table,
}
