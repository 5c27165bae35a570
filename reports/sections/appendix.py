"""The space that was searched, and every run."""

import pandas as pd

from reports.analysis import Analysis
from reports.page.section import Section


def space_table(analysis: Analysis) -> pd.DataFrame:
    """The search space, and the defaults."""
    rows = [
        {"hyperparameter": name, "searched in": dimension.describe(), "default": str(dimension.default)}
        for name, dimension in analysis.study.space.items()
    ]
    return pd.DataFrame(rows)


def trial_table(analysis: Analysis) -> pd.DataFrame:
    """Every run, with a link to its page in the tracker."""
    outcome = ["objective", "best_val_accuracy", "best_epoch", "test/accuracy", "train_seconds", "steps"]
    runs = analysis.study.runs.assign(ended=analysis.study.runs.run_id.map(analysis.endings))
    runs = runs.reindex(columns=["name", "state", "ended", *analysis.study.searched, *outcome, "link"])
    return runs.reset_index(drop=True)


SECTION = Section("Appendix", tables={"space": space_table, "trials": trial_table})
