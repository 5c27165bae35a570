"""The posterior of the objective: scores, predictions of unseen trials, and configurations that do not train."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hyperstudy.reports.statistics.posterior import encode, fit_posterior, make_warp
from hyperstudy.study.core.domains import Choice, Range
from tests.reports.planted import DOMAINS, flat, peak, planted, unit


def posterior_of(truth, seed=0, trials=50):
    runs = planted(seed, truth, trials).runs
    trained = runs.objective > 0.2
    return fit_posterior(runs, DOMAINS, trained, runs.phase == "explore", most=1.0)


@pytest.fixture(scope="module")
def posterior():
    return posterior_of(peak)


def points_of(frame):
    return {name: domain.positions(frame[name]) for name, domain in DOMAINS.items()}


def test_scores_are_the_normal_quantiles_of_ranks_and_lead_back():
    outcomes = np.array([0.2, 0.9, 0.5, 0.9, 0.7])
    warp = make_warp(outcomes)
    expected = stats.norm.ppf((np.array([1, 4.5, 2, 4.5, 3]) - 0.5) / 5)
    assert warp.score(outcomes) == pytest.approx(expected)
    assert warp.outcome(warp.score(outcomes)) == pytest.approx(outcomes)


def test_above_the_largest_outcome_scores_go_on_up_to_what_is_possible():
    warp = make_warp(np.linspace(0, 0.9, 10), most=1.0)
    assert warp.score(np.array([0.95])) > warp.score(np.array([0.9]))
    assert warp.outcome(warp.score(np.array([0.95]))) == pytest.approx([0.95])
    assert warp.outcome(np.array([9.0, -9.0])) == pytest.approx([1.0, 0.0])


def test_unseen_trials_are_predicted_within_their_intervals(posterior):
    rng = np.random.default_rng(7)
    quantiles = rng.random((len(DOMAINS), 400))
    points = {name: domain.positions_at(row) for (name, domain), row in zip(DOMAINS.items(), quantiles, strict=True)}
    truth, drawn = peak(unit(quantiles)).to_numpy(), posterior.outcomes(points)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    assert np.corrcoef(drawn.mean(1), truth)[0, 1] > 0.95
    assert ((low <= truth) & (truth <= high)).mean() > 0.85


def test_nothing_is_improbable_where_lr_matters_and_probable_where_nothing_does(posterior):
    assert posterior.nothing < 1e-3
    assert np.mean([posterior_of(flat, seed).nothing > 0.2 for seed in range(12)]) >= 0.8


def test_where_trials_fail_a_configuration_is_said_not_to_train():
    grid = pd.DataFrame({"lr": np.geomspace(1e-5, 1e-1, 9), "batch_size": 64, "depth": 2, "activation": "relu"})
    found = posterior_of(lambda u: np.where(u.lr > 0.6, 0.1, peak(u))).trains(points_of(grid))
    assert found[:4].min() > 0.7
    assert found[-2:].max() < 0.3


def test_levels_without_an_order_lie_at_a_distance_of_one():
    inputs = encode({"a": np.array([0.0, 1.0, 2.0])}, {"a": Choice(("x", "y", "z"))})
    assert np.linalg.norm(inputs[:, None] - inputs[None], axis=2) == pytest.approx(1 - np.eye(3))


def test_too_few_trials_or_equal_outcomes_give_no_posterior():
    frame = pd.DataFrame({"x": np.linspace(0.1, 0.9, 8), "objective": np.linspace(0, 1, 8)})
    every, domains = pd.Series(np.ones(8, bool)), {"x": Range(0.0, 1.0)}
    assert fit_posterior(frame, domains, every, every).n == 8
    assert fit_posterior(frame, domains, every & (frame.x > 0.5), every) is None
    assert fit_posterior(frame.assign(objective=0.5), domains, every, every) is None


def test_a_thousand_trials_rest_on_a_part_of_them():
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.random(1000)})
    frame["objective"] = np.sin(3 * frame.x) + 0.01 * rng.normal(size=1000)
    every = pd.Series(np.ones(1000, bool))
    found = fit_posterior(frame, {"x": Range(0.0, 1.0)}, every, every)
    middle = found.outcomes({"x": np.array([0.1, 0.5, 0.9])}).mean(1)
    assert middle == pytest.approx(np.sin([0.3, 1.5, 2.7]), abs=0.03)
