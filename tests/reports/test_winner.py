"""Planted finalists: what the report says of a winner, of a default that was not beaten, and of test pictures."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections import health, steps
from hyperstudy.reports.sections.ablations import SECTION as ABLATIONS
from hyperstudy.reports.sections.winner import finalist_table, lead_claims
from hyperstudy.reports.statistics.intervals import seeds_needed
from hyperstudy.study.comparisons.choice import RERANKING, Reranking
from hyperstudy.study.comparisons.seeds import Answered, accuracy_of, crossed, lead_of
from tests.reports.planted import peak, planted, with_confirmation


def study_with(lead, noise=0.004, **tags):
    study = with_confirmation(planted(0, peak), lead, noise, 5, np.random.default_rng(0))
    return replace(study, tags={**study.tags, **tags})


def won_by_default(lead, error=0.004):
    """A study whose best candidate, now the runner-up, led the default by so much on validation."""
    study = study_with(-0.02)
    found = json.loads(study.tags["study.finalists"])
    roles = {"winner": found["default"], "runner-up": found["winner"]}
    choice = Reranking("default", "candidate-1", lead, error, 3, 3)
    rows = [
        {"phase": "rerank", "state": "complete", "seed": 500, "run_id": f"of {role}", **roles[role]} for role in roles
    ]
    runs = pd.concat([study.runs, pd.DataFrame(rows)], ignore_index=True)
    tags = {**study.tags, "study.finalists": json.dumps(roles), RERANKING: json.dumps(choice._asdict())}
    return Analysis(replace(study, runs=runs, tags=tags))


def with_answers(study, pictures=400):
    """Every confirmation run right about as many of the pictures as its accuracy says, the easiest first."""
    rng, right = np.random.default_rng(1), {}
    easy = rng.normal(size=pictures)
    for run in study.confirmed.itertuples():
        accuracy = study.confirmed.set_index("run_id")["tested"][run.run_id]
        latent = easy + rng.normal(0, 0.5, pictures)
        right[run.run_id] = latent >= np.quantile(latent, 1 - accuracy)
    runs = study.runs.copy()
    for run_id, row in right.items():
        runs.loc[runs.run_id == run_id, "tested"] = row.mean()
    return replace(study, runs=runs, right=right)


@pytest.mark.parametrize(
    ("lead", "place", "verdict"),
    [
        (0.003, "0.0030 above it", "inconclusive"),
        (-0.003, "0.0030 below it", "suggestive"),
        (-0.05, "below it", "supported"),
    ],
)
def test_that_the_default_was_not_beaten_is_the_first_claim(lead, place, verdict):
    first, second = lead_claims(won_by_default(lead))
    assert first.claim.startswith("The default was not beaten: the best candidate was ")
    assert place in first.claim
    assert first.claim.endswith("Use the default.")
    assert (first.effect, first.n, first.verdict) == (f"{lead:+.4f}", 3, verdict)
    assert first.evidence == ["of winner", "of runner-up"]
    assert "the runner-up's" in second.claim


def test_a_default_that_won_leaves_nothing_to_ablate_and_no_warning():
    analysis = won_by_default(0.003)
    assert analysis.study.default_won
    assert analysis.hypotheses == []
    assert steps.missing_ablations(analysis) is None
    assert "it is the default" in ABLATIONS.nothing
    assert health.worse(analysis) is None
    assert health.confirmation(analysis).status == "pass"
    assert list(finalist_table(analysis).role) == ["winner", "runner-up"]


def test_an_old_study_in_which_the_default_won_says_so_without_figures():
    analysis = won_by_default(0.003)
    old = {name: value for name, value in analysis.study.tags.items() if name != RERANKING}
    first, _ = lead_claims(Analysis(replace(analysis.study, tags=old)))
    assert (first.claim, first.effect) == ("The default was not beaten: it is the winner.", "")


def test_a_winner_that_is_not_the_default_is_no_unbeaten_default():
    assert not study_with(0.02).default_won
    assert len(lead_claims(Analysis(study_with(0.02)))) == 1


def test_a_lead_carries_the_test_pictures_where_the_answers_were_kept():
    plain = study_with(0.02)
    kept = with_answers(plain)
    (alone,), (found,) = (lead_claims(Analysis(study)) for study in (plain, kept))
    assert "on these test pictures" in alone.claim
    assert "on pictures like these 400" in found.claim
    expected = lead_of(*(runs_of(kept, role) for role in ("winner", "default"))).estimate
    assert found.interval == f"[{expected.low:+.4f}, {expected.high:+.4f}]"
    assert finalist_table(Analysis(kept))["test accuracy"].tolist() == [
        str(accuracy_of(runs_of(kept, role))) for role in ("winner", "default")
    ]


def runs_of(study, role):
    return [Answered(seed, study.right[f"{role}{seed}"].mean(), study.right[f"{role}{seed}"]) for seed in range(5)]


def test_a_lead_that_these_pictures_cannot_show_is_not_promised_by_more_seeds():
    """Each is right about a picture of its own alone, in each seed."""
    difference = np.zeros((5, 100))
    difference[:, 0], difference[:, 1] = 1, -1
    difference[0, 2] = 1
    assert seeds_needed(difference) is None


def test_the_seeds_needed_are_those_with_which_four_studies_in_five_find_the_lead():
    """By brute force: studies drawn with the variances of the table."""
    rng = np.random.default_rng(0)
    seed, picture, rest, pictures = 0.03, 0.1, 0.3, 200

    def table(count, mean):
        parts = rng.normal(0, seed, (count, 1)), rng.normal(0, picture, (1, pictures))
        return mean + sum(parts) + rng.normal(0, rest, (count, pictures))

    large = table(300, 0.0)
    needed = seeds_needed(large - large.mean() + 0.06)
    assert 4 <= needed <= 12

    def power(count):
        runs = [table(count, 0.06) for _ in range(400)]
        return np.mean([_low(each) > 0 for each in runs])

    assert power(needed) > 0.72
    assert power(needed // 2) < 0.75


def _low(table):

    mean, error, freedom = crossed(table)
    return mean - stats.t.ppf(0.975, freedom) * error
