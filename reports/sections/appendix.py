"""The space that was searched, and every run."""

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import JUDGED
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
    study, objective = analysis.study, analysis.study.objective
    runs = study.runs.assign(ended=study.runs.run_id.map(analysis.endings))
    outcome = [*JUDGED, "best_epoch", "train_seconds", "steps"]
    runs = runs.reindex(columns=list(dict.fromkeys(["name", "state", "ended", *study.searched, *outcome, "link"])))
    runs = runs.assign(**{name: objective.own(runs[name].astype(float)) for name in JUDGED})
    runs = runs.drop(columns=[] if objective.test_key else "tested")
    if study.origin:
        runs = runs.drop(columns="ended").rename(columns={"train_seconds": "seconds"})
    names = (objective.name, f"best {objective.name}", objective.confirmed.name)
    runs = runs.rename(columns=dict(zip(JUDGED, names, strict=True)))
    return runs.dropna(axis=1, how="all").reset_index(drop=True)


SECTION = Section("Appendix", tables={"space": space_table, "trials": trial_table})
