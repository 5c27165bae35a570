"""Published recipes beside ours: every figure that a tutorial prints, and what a run of ours may be."""

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from reports.finding import INCONCLUSIVE, SUPPORTED, Finding
from reports.frames import Study
from reports.stats import Estimate, mean_interval
from study.outputs.names import DIVERGED

CLOSE = 0.01
METRICS = {"train/loss": "train/loss", "train/accuracy": "train/accuracy", "test/accuracy": "val/accuracy"}
REPRODUCED, NEAR, HIGHER, LOWER, OURS = "reproduced", "within 0.01", "higher", "lower", "nothing published"


class Comparison(NamedTuple):
    """A figure after an epoch: the published one, our mean over seeds with its interval, and where one more run of ours
    would lie with 95% probability."""

    recipe: str
    metric: str
    epoch: int
    last: bool  # whether the epoch is the recipe's last
    published: float | None
    estimate: Estimate
    run_low: float | None
    run_high: float | None
    verdict: str
    runs: list[str]


def recipes_of(study: Study) -> dict[str, dict[str, Any]]:
    """What is published of each recipe that was run, in the order of the registry; empty for any other study."""
    known = json.loads(study.tags.get("study.recipes", "{}"))
    return {name: row for name, row in known.items() if name in set(study.recipes.role)}


def runs_of(study: Study, recipe: str) -> pd.DataFrame:
    """A recipe's finished runs."""
    return study.recipes[study.recipes.role == recipe]


def curves_of(study: Study, recipe: str) -> pd.DataFrame:
    """The epochs of a recipe's finished runs."""
    return study.curves[study.curves.run_id.isin(runs_of(study, recipe).run_id)]


def comparisons(study: Study) -> list[Comparison]:
    """Every published figure of every recipe that was run, and the last accuracies of those without; over the runs that
    did not diverge."""
    found = []
    for recipe, row in recipes_of(study).items():
        runs, figures = runs_of(study, recipe), row["published"] or {"test/accuracy": [None]}
        trained = study.curves.run_id.isin(runs[runs.state != DIVERGED].run_id)
        curves, epochs = study.curves[trained], int(runs.epochs.astype(int).max())
        for metric, values in figures.items():
            for epoch, value in zip(range(epochs - len(values) + 1, epochs + 1), values, strict=True):
                ours = curves[curves.epoch == epoch].dropna(subset=METRICS[metric])
                if len(ours):
                    found.append(_compared(recipe, metric, epoch, epochs, value, ours))
    return found


def _compared(
    recipe: str, metric: str, epoch: int, epochs: int, published: float | None, ours: pd.DataFrame
) -> Comparison:
    values = ours[METRICS[metric]].to_numpy(float)
    estimate, low, high = mean_interval(values), None, None
    if len(values) > 1:
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / len(values))
        low, high = estimate.mean - half, estimate.mean + half
    verdict = _verdict(published, estimate.mean, low, high)
    last, runs = epoch == epochs, list(ours.run_id)
    return Comparison(recipe, metric, epoch, last, published, estimate, low, high, verdict, runs)


def _verdict(published: float | None, mean: float, low: float | None, high: float | None) -> str:
    if published is None:
        return OURS
    if low is not None and high is not None and low <= published <= high:
        return REPRODUCED
    if abs(published - mean) <= CLOSE:
        return NEAR
    return HIGHER if mean > published else LOWER


def recipe_claims(study: Study) -> list[Finding]:
    """What came of each recipe's last test accuracy, and why where that was looked into."""
    known = recipes_of(study)
    last = [row for row in comparisons(study) if row.last and row.metric == "test/accuracy"]
    claims = [_claim(study, row, known[row.recipe]) for row in last]
    lost = [name for name in known if (runs_of(study, name).state == DIVERGED).all()]
    return claims + [_lost(runs_of(study, name), f"{name} ({known[name]['about']})") for name in lost]


def _lost(runs: pd.DataFrame, name: str) -> Finding:
    claim = f"{name} diverged in all of {len(runs)} runs."
    return Finding("recipe", claim, "", "", len(runs), SUPPORTED if len(runs) > 2 else INCONCLUSIVE, list(runs.run_id))


def _claim(study: Study, row: Comparison, known: dict[str, Any]) -> Finding:
    mean, name = row.estimate.mean, f"{row.recipe} ({known['about']})"
    told = {
        OURS: f"{name} reaches {mean:.4f} on the test pictures; its tutorial gives no figure.",
        REPRODUCED: f"{name} is reproduced: {mean:.4f} on the test pictures, published {row.published}, which "
        "one more run of ours may well show.",
        NEAR: f"{name} reaches {mean:.4f} on the test pictures, within {CLOSE} of the published {row.published}, "
        "though outside of what one more run of ours would show.",
        HIGHER: f"{name} reaches {mean:.4f} on the test pictures, more than the published {row.published}.",
        LOWER: f"{name} reaches {mean:.4f} on the test pictures, not the published {row.published}.",
    }[row.verdict]
    interval = "" if row.estimate.low is None else f"[{row.estimate.low:.4f}, {row.estimate.high:.4f}]"
    verdict = SUPPORTED if row.estimate.n > 2 else INCONCLUSIVE
    step = "" if row.estimate.n > 2 else "python -m study.recipes --seeds 5 would tell how much seeds vary."
    runs = runs_of(study, row.recipe)
    if diverged := int((runs.state == DIVERGED).sum()):
        told += f" {diverged} of {len(runs)} runs diverged, and are not in that mean."
    told = f"{told} {known['note']}".strip()
    return Finding("recipe", told, f"{mean:.4f}", interval, row.estimate.n, verdict, row.runs, step)
