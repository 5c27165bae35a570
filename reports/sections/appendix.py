"""The space that was searched, and every run."""

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Section


def space_table(analysis: Analysis) -> pd.DataFrame:
    """The search space, and the defaults."""
    rows = [
        {"hyperparameter": name, "searched in": dimension.describe(), "default": str(dimension.default)}
        for name, dimension in analysis.study.space.items()
    ]
    return pd.DataFrame(_without_defaults(rows) if analysis.study.origin else rows)


def _without_defaults(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The space of trials that others ran: a hyperparameter that they did not vary has one value, and no default."""
    return [
        {**row, "searched in": f"always {row['default']}" if row["searched in"] == "fixed" else row["searched in"]}
        | {"default": "unknown"}
        for row in rows
    ]


def trial_table(analysis: Analysis) -> pd.DataFrame:
    """Every run, with a link to its page in the tracker."""
    outcome = ["objective", "best_val_accuracy", "best_epoch", "test/accuracy", "train_seconds", "steps"]
    runs = analysis.study.runs.assign(ended=analysis.study.runs.run_id.map(analysis.endings))
    runs = runs.reindex(columns=["name", "state", "ended", *analysis.study.searched, *outcome, "link"])
    if analysis.study.origin:
        objective = analysis.study.objective
        runs = runs.assign(objective=objective.own(runs.objective)).drop(columns="ended").dropna(axis=1, how="all")
        runs = runs.rename(columns={"objective": objective.name, "train_seconds": "seconds"})
    return runs.reset_index(drop=True)


SECTION = Section("Appendix", tables={"space": space_table, "trials": trial_table})
