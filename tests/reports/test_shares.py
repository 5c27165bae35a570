"""Shares of the variance and effects in points, against values that are known by other ways."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hyperstudy.reports.statistics.effects import Curve, at, averaged, effect, gain
from hyperstudy.reports.statistics.influence import trials_needed
from hyperstudy.reports.statistics.posterior import fit_posterior
from hyperstudy.reports.statistics.shares import shares
from hyperstudy.study.core.domains import Choice, Range

DOMAINS = {"x": Range(0.0, 1.0), "y": Range(0.0, 1.0), "z": Choice(("a", "b"))}


def ishigami(x, y):
    """With an interaction, on the unit square."""
    return np.sin(3 * x) + 0.7 * x * y


@pytest.fixture(scope="module")
def posterior():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.random(200), "y": rng.random(200), "z": rng.choice(["a", "b"], 200)})
    frame["objective"] = ishigami(frame.x, frame.y) + 0.02 * rng.normal(size=200)
    every = pd.Series(np.ones(200, bool))
    return fit_posterior(frame, DOMAINS, every, every)


def test_shares_are_sobol_s_indices(posterior):
    """In the variance of scores, by scipy, for the truth mapped to scores."""
    uniform = [stats.uniform()] * 2
    reference = stats.sobol_indices(
        func=lambda q: posterior.warp.score(ishigami(*q)), n=4096, dists=uniform, rng=np.random.default_rng(1)
    )
    found = shares(posterior)
    for place, name in enumerate(("x", "y")):
        assert found[name].first == pytest.approx(reference.first_order[place], abs=0.06)
        assert found[name].total == pytest.approx(reference.total_order[place], abs=0.06)
    assert found["z"].total_high < 0.02
    assert found["z"].matters < 0.5 < found["y"].matters


def test_an_averaged_effect_lies_between_its_best_and_its_worst_place(posterior):
    """The mean over y of sin(3x) + 0.7xy is sin(3x) + 0.35x: largest near 0.564, smallest at 0."""
    found = effect(averaged(posterior, "x"))
    assert found.best == pytest.approx(0.55, abs=0.051)
    assert found.worst == 0
    assert found.difference.mean == pytest.approx(np.sin(1.65) + 0.35 * 0.55, abs=0.06)
    assert found.difference.low < found.difference.mean < found.difference.high
    assert 0.55 in np.round(found.near, 2)


def test_a_gain_is_what_changing_one_alone_adds(posterior):
    centre = {"x": 0.5, "y": 0.2, "z": 0.0}
    found = gain(at(posterior, "y", centre))
    assert (found.before, found.after) == (0.2, 1.0)
    assert found.difference.mean == pytest.approx(0.7 * 0.5 * 0.8, abs=0.03)
    assert found.difference.positive == 1


def test_a_part_that_does_not_train_counts_neither_for_shares_nor_for_averages():
    """For x above one half nothing trains; y acts there only."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"x": rng.random(120), "y": rng.random(120), "z": rng.choice(["a", "b"], 120)})
    frame["objective"] = frame.x + 0.01 * rng.normal(size=120)
    trained = frame.x < 0.5
    found = fit_posterior(frame, DOMAINS, trained, pd.Series(np.ones(120, bool)))
    assert shares(found)["x"].total > 0.9
    assert averaged(found, "y").mean == pytest.approx(np.full(21, 0.25), abs=0.06)


def test_trials_needed_are_those_of_the_f_test_s_power():
    """By statsmodels: Cohen's f2 is share / (1 - share)."""
    from statsmodels.stats.power import FTestPower

    needed = trials_needed(0.2, 4)
    for n, enough in ((needed, True), (needed // 2, False)):
        power = FTestPower().power(np.sqrt(0.25), n - 1 - 8, 2, 0.05 / 4, ncc=3)
        assert (power >= 0.8) == enough
    assert trials_needed(0.011, 4) is None
    assert trials_needed(0.005, 4) is None


def test_the_best_place_is_named_only_where_the_draws_agree():
    rng = np.random.default_rng(3)
    for shift, agree in ((2.0, True), (0.8, False)):  # of a standard deviation: 98% and 79% of the draws
        draws = rng.normal(size=(2, 2000)) / np.sqrt(2) + [[0.0], [shift]]
        found = effect(Curve("x", np.array([0.0, 1.0]), draws))
        assert (found.worst, found.best) == (0, 1)
        assert found.is_directed == agree
