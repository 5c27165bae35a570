"""Published recipes against planted runs of them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import JUDGED, MARKS, Study
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections import outline
from hyperstudy.reports.sections.recipes import (
    HIGHER,
    LOWER,
    NEAR,
    OURS,
    REPRODUCED,
    comparisons,
    recipe_claims,
    verdict_on,
)

EPOCHS = 3
KNOWN = {
    "known": {
        "about": "with figures",
        "published": {"train/loss": [0.4, 0.3], "test/accuracy": [0.91]},
        "note": "Why.",
    },
    "unknown": {"about": "without", "published": {}, "note": ""},
    "never-run": {"about": "not run", "published": {"test/accuracy": [0.5]}, "note": ""},
}
ACCURACIES = {"known": (0.90, 0.92), "unknown": (0.80, 0.84)}  # at the last epoch, by seed


def recipes(diverged=()):
    runs, curves = [], []
    for name, accuracies in ACCURACIES.items():
        for seed, accuracy in enumerate(accuracies):
            run = f"{name}-{seed}"
            state = "diverged" if run in diverged else "complete"
            runs.append({"run_id": run, "name": run, "phase": "recipe", "role": name, "state": state, "epochs": "3"})
            runs[-1]["dataset"] = "mnist"
            for epoch in range(1, 2 if run in diverged else EPOCHS + 1):
                values = {
                    "train/loss": 1 / epoch,
                    "train/accuracy": accuracy,
                    "val/accuracy": accuracy - EPOCHS + epoch,
                }
                curves.append({"run_id": run, "epoch": epoch, **values})
    frame = pd.DataFrame(runs).assign(link="x", **dict.fromkeys((*MARKS, *JUDGED), None))
    tags = {"study.recipes": json.dumps(KNOWN), "study.hardware": "a machine", "study.command": "a command"}
    return Study("recipes", "link", tags, {}, frame, pd.DataFrame(curves))


def test_every_published_figure_is_compared_at_its_own_epoch():
    rows = [(row.recipe, row.metric, row.epoch, row.last, row.published) for row in comparisons(recipes())]
    assert rows == [
        ("known", "train/loss", 2, False, 0.4),
        ("known", "train/loss", 3, True, 0.3),
        ("known", "test/accuracy", 3, True, 0.91),
        ("unknown", "test/accuracy", 3, True, None),
    ]
    known = comparisons(recipes())[2]
    assert (known.estimate.mean, known.estimate.n) == (pytest.approx(0.91), 2)


def test_runs_on_another_data_set_are_not_mixed_in():
    study = recipes()
    study.runs.loc[study.runs.run_id == "known-0", "dataset"] = "kmnist"
    rows = {row.recipe: row for row in comparisons(study) if row.metric == "test/accuracy"}
    assert rows["known"].runs == ["known-1"]
    assert recipe_claims(Analysis(study))[0].claim.startswith("known on mnist (with figures)")


def test_one_more_run_lies_in_its_interval_at_the_nominal_rate():
    """The t interval of a new observation, from its definition."""
    row = comparisons(recipes())[2]
    half = stats.t.ppf(0.975, 1) * np.std([0.90, 0.92], ddof=1) * np.sqrt(1 + 1 / 2)
    assert (row.run_low, row.run_high) == pytest.approx((0.91 - half, 0.91 + half))


def test_a_run_that_diverged_is_reported_and_shifts_no_epoch():
    half = recipes(diverged={"known-0"})
    rows = [row for row in comparisons(half) if row.recipe == "known" and row.metric == "test/accuracy"]
    assert [(row.epoch, row.estimate.n, row.estimate.mean) for row in rows] == [(EPOCHS, 1, pytest.approx(0.92))]
    claim = recipe_claims(Analysis(half))[0].claim
    assert claim.endswith("1 of 2 runs diverged and are not in that mean. Why.")
    gone = recipes(diverged={f"{name}-{seed}" for name in ACCURACIES for seed in (0, 1)})
    assert comparisons(gone) == []
    assert [claim.claim for claim in recipe_claims(Analysis(gone))] == [
        "known on mnist (with figures) diverged in all of 2 runs.",
        "unknown on mnist (without) diverged in all of 2 runs.",
    ]


@pytest.mark.parametrize(
    ("published", "mean", "low", "high", "verdict"),
    [
        (0.97, 0.972, 0.965, 0.979, REPRODUCED),
        (0.97, 0.978, 0.975, 0.981, NEAR),
        (0.97, 0.99, 0.985, 0.995, HIGHER),
        (0.97, 0.92, 0.9, 0.94, LOWER),
        (0.97, 0.92, None, None, LOWER),
        (None, 0.92, 0.9, 0.94, OURS),
    ],
)
def test_the_verdict_is_by_one_more_run_then_by_a_hundredth(published, mean, low, high, verdict):
    assert verdict_on(published, mean, low, high) == verdict


def test_the_report_of_recipes_sets_published_beside_reproduced(tmp_path):
    question, sections = outline(recipes())
    write_report(Analysis(recipes()), sections, question, tmp_path)
    text, page = (tmp_path / "README.md").read_text(), (tmp_path / "report.html").read_text()
    assert not (tmp_path / "errors.log").exists()
    assert "What to run next" not in text
    assert "Health checks" not in page
    assert "| known | test/accuracy | 3 | 0.91 | 0.9100" in text
    assert "its tutorial gives no figure" in text
    assert (tmp_path / "figures" / "recipes.png").stat().st_size > 5000
    assert {finding["topic"] for finding in json.loads((tmp_path / "findings.json").read_text())} == {"recipe"}
