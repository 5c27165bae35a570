import numpy as np
import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections.failures import failure_claims
from hyperstudy.reports.statistics.breakpoints import breaks, pair_breaks
from hyperstudy.reports.statistics.limits import PENALTY, fit
from tests.reports import planted as truths
from tests.reports.planted import DOMAINS, diverging, together


def planted(*arguments, **options):
    return Analysis(truths.planted(*arguments, **options))


def test_the_cut_lies_between_what_trained_and_what_failed():
    analysis = planted(0, diverging, noise=0.0)
    row = analysis.breaks[0]
    bad = analysis.study.explored.lr[analysis.failed]
    assert row.edges == (("lr", "above", bad.min()),)
    assert (row.beyond.mean, row.within.mean) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("truth", "name", "side"),
    [
        (lambda u: np.where(u.lr < 0.2, 0.1, 0.9), "lr", "below"),
        (lambda u: np.where(u.activation == "sigmoid", 0.1, 0.9), "activation", "at"),
    ],
)
def test_the_side_or_the_level_that_fails_is_named(truth, name, side):
    analysis = planted(0, truth)
    row, bad = analysis.breaks[0], analysis.study.explored[analysis.failed]
    assert row.edges == ((name, side, "sigmoid" if side == "at" else bad.lr.max()),)
    assert row.found


def test_two_that_fail_only_together_are_named_with_their_corner():
    analysis = planted(1, together, noise=0.0)
    row = pair_breaks(analysis.study.explored, analysis.failed, DOMAINS)[0]
    assert {(edge.name, edge.side) for edge in row.edges} == {("lr", "above"), ("depth", "above")}
    cuts = {edge.name: edge.cut for edge in row.edges}
    assert cuts["depth"] == 3
    assert cuts["lr"] <= analysis.study.explored.lr[analysis.failed].min()
    assert row.beyond.mean > 0.7
    assert row.within.mean == 0


def test_pairs_are_tried_where_no_hyperparameter_is_found_alone():
    analyses = [planted(seed, together) for seed in range(20)]
    alone = [any(row.found for row in analysis.breaks) for analysis in analyses]
    assert 0 < sum(alone) < 20
    assert not any(found and analysis.corners for found, analysis in zip(alone, analyses, strict=True))
    assert any(analysis.corners for analysis in analyses)


def test_the_report_says_which_two_fail_together():
    study = next(s for s in (planted(n, together) for n in range(20)) if s.corners)
    (finding,) = [f for f in failure_claims(study) if "together" in f.claim]
    assert "lr from" in finding.claim
    assert "depth from 3 up" in finding.claim


def test_shuffled_failures_are_blamed_on_nothing_more_often_than_the_level_allows():
    trials, rng = planted(0, lambda u: 0.9 + 0 * u.lr).study.explored, np.random.default_rng(0)
    bad = trials.objective < 0
    found = 0
    for _ in range(40):
        bad.iloc[:] = rng.permutation(np.arange(len(trials)) < 7)
        found += any(row.found for row in breaks(trials, bad, DOMAINS))
    assert found <= 7  # of 40 at 5%: more has a chance of 1 in 3,000


def test_the_limit_is_where_half_fail_and_moves_with_what_moves_it():
    study = planted(3, lambda u: np.where(u.lr > 0.6 + 0.3 * u.batch_size, 0.1, 0.9), 200)
    limits = study.limits["lr"]
    found = [limits.overall, *(limits.levels["batch_size", level] for level in ("16 to 40", "102 to 256"))]
    places = DOMAINS["lr"].positions([limit.value for limit in found])
    assert places == pytest.approx([0.75, 0.65, 0.85], abs=0.06)


def test_too_few_failures_are_not_explained():
    study = planted(0, lambda u: 0.9 + 0 * u.lr)
    assert study.breaks == []


def test_the_logistic_regression_is_scikit_learn_s():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = rng.random((60, 2))
    y = rng.random(60) < 1 / (1 + np.exp(4 - 8 * x[:, 0] + x[:, 1]))
    counts = np.vstack([np.ones(60), np.bincount(rng.integers(60, size=60), minlength=60)]).astype(float)
    found = fit(np.column_stack([np.ones(60), x]), y, counts)
    for row, weights in zip(found, counts, strict=True):
        expected = LogisticRegression(C=PENALTY, tol=1e-9, max_iter=1000).fit(x, y, weights)
        assert row == pytest.approx([*expected.intercept_, *expected.coef_[0]], abs=1e-3)
