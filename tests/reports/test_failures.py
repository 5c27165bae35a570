import numpy as np
import pytest

from reports.breaking import breaks_of, corners_of, failure_claims, logistic_of
from reports.failures import breaks, corners
from reports.scales import scaled
from reports.selection import failed
from tests.planted import SPACE, diverging, planted, together


def test_the_cut_lies_between_what_trained_and_what_failed():
    study = planted(0, diverging, noise=0.0)
    row = breaks_of(study)[0]
    bad = study.explored.lr[failed(study)]
    assert (row.name, row.side, row.cut) == ("lr", "above", bad.min())
    assert (row.beyond.mean, row.within.mean) == (1.0, 0.0)


@pytest.mark.parametrize(("truth", "name", "side"), [
    (lambda u: np.where(u.lr < 0.2, 0.1, 0.9), "lr", "below"),
    (lambda u: np.where(u.activation == "sigmoid", 0.1, 0.9), "activation", "at"),
])  # fmt: skip
def test_the_side_or_the_level_that_fails_is_named(truth, name, side):
    row = breaks_of(planted(0, truth))[0]
    assert (row.name, row.side) == (name, side)
    assert row.found
    if side == "at":
        assert row.cut == "sigmoid"


def test_two_that_fail_only_together_are_named_with_their_corner():
    study = planted(1, together, noise=0.0)
    bad = study.explored[failed(study)]
    if not any(row.found for row in breaks_of(study)):
        assert corners_of(study)
    row = corners(study.explored, failed(study), SPACE)[0]
    assert {(edge.name, edge.side) for edge in row.edges} == {("lr", "above"), ("depth", "above")}
    cuts = {edge.name: edge.cut for edge in row.edges}
    assert cuts["depth"] == 3
    assert cuts["lr"] <= bad.lr.min()
    assert row.beyond.mean > 0.7
    assert row.within.mean == 0


def test_the_report_says_which_two_fail_together():
    study = next(s for s in (planted(n, together) for n in range(20)) if corners_of(s))
    (finding,) = [f for f in failure_claims(study) if "together" in f.claim]
    assert "lr from" in finding.claim
    assert "depth from 3 up" in finding.claim


def test_shuffled_failures_are_blamed_on_nothing_more_often_than_the_level_allows():
    trials, rng = planted(0, lambda u: 0.9 + 0 * u.lr).explored, np.random.default_rng(0)
    bad = trials.objective < 0
    found = 0
    for _ in range(40):
        bad.iloc[:] = rng.permutation(np.arange(len(trials)) < 7)
        found += any(row.found for row in breaks(trials, bad, SPACE))
    assert found <= 7  # of 40 at 5%: more has a chance of 1 in 3,000


def test_the_limit_is_where_half_fail_and_moves_with_what_moves_it():
    study = planted(3, lambda u: np.where(u.lr > 0.6 + 0.3 * u.batch_size, 0.1, 0.9), 200)
    row = breaks_of(study)[0]
    model = logistic_of(study, row)
    limit = model.limit
    assert scaled([limit.value], SPACE["lr"])[0] == pytest.approx(0.75, abs=0.06)
    ends = [model.levels["batch_size", level] for level in ("16 to 40", "102 to 256")]
    assert scaled([ends[0].value], SPACE["lr"])[0] == pytest.approx(0.65, abs=0.06)
    assert scaled([ends[1].value], SPACE["lr"])[0] == pytest.approx(0.85, abs=0.06)


def test_too_few_failures_are_not_explained():
    study = planted(0, lambda u: 0.9 + 0 * u.lr)
    assert breaks_of(study) == []


def test_the_logistic_regression_is_scikit_learn_s():
    from sklearn.linear_model import LogisticRegression

    from reports.failures import PENALTY, _fit

    rng = np.random.default_rng(0)
    x = rng.random((60, 2))
    y = rng.random(60) < 1 / (1 + np.exp(4 - 8 * x[:, 0] + x[:, 1]))
    counts = np.vstack([np.ones(60), np.bincount(rng.integers(60, size=60), minlength=60)]).astype(float)
    found = _fit(np.column_stack([np.ones(60), x]), y, counts)
    for row, weights in zip(found, counts, strict=True):
        expected = LogisticRegression(C=PENALTY, tol=1e-9, max_iter=1000).fit(x, y, weights)
        assert row == pytest.approx([*expected.intercept_, *expected.coef_[0]], abs=1e-3)
