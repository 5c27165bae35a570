"""The tables, each a frame that is also written as CSV; a docstring is its caption."""

from collections.abc import Callable

import pandas as pd

from reports.claims import bucket, failed, finalists, findings, of_finalist
from reports.load import Study
from reports.stats import mean_interval, rate
from study.record import COMPLETE


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
        "objective",
        "best_val_accuracy",
        "best_epoch",
        "test/accuracy",
        "train_seconds",
        "steps",
    ]
    runs = study.runs.reindex(columns=[*columns[:2], *study.searched, *columns[2:], "link"])
    return runs.reset_index(drop=True)


TABLES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "finalists": finalist_table,
    "findings": finding_table,
    "failures": failure_table,
    "best_by_level": best_by_level,
    "early_ranking": early_ranking,
    "trials": trial_table,
}
