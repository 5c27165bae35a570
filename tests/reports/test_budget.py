"""What a budget buys."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.statistics.budget import expected_best, pareto, weights_of_best
from tests.reports.planted import NOISE, peak, planted, population


def test_the_weights_of_the_best_are_the_mean_over_all_subsets():
    values = np.array([0.1, 0.3, 0.5, 0.5, 0.7, 0.8, 0.9])
    brute = [np.mean([max(subset) for subset in combinations(values, n)]) for n in range(1, 8)]
    assert weights_of_best(7, 7) @ values == pytest.approx(brute)


def test_the_expected_best_is_that_of_random_trials():
    """The truth by simulation; the interval's rate is counted on trials of others."""
    space, rng = peak(population()).to_numpy(), np.random.default_rng(0)
    drawn = rng.choice(space, (20_000, 8)) + rng.normal(0, NOISE, (20_000, 8))
    truth, one = drawn.max(1).mean(), drawn[:, 0].mean()
    for seed in range(6):
        low, middle, high = expected_best(Analysis(planted(seed, peak)).posterior, 0.1, 16)
        assert (np.diff(middle) > 0).all()
        assert (low < middle).all()
        assert (middle < high).all()
        assert middle[0] == pytest.approx(one, abs=0.01)
        assert middle[7] == pytest.approx(truth, abs=0.008)


def test_a_large_budget_has_an_expected_best_too():
    found = expected_best(Analysis(planted(0, peak)).posterior, 0.1, 700)
    assert found.shape == (3, 700)
    assert (np.diff(found) >= 0).all()


def test_failures_lower_what_a_few_trials_reach():
    posterior = Analysis(planted(0, lambda u: np.where(u.lr > 0.5, 0.1, peak(u)))).posterior
    one, two = expected_best(posterior, 0.1, 8)[1][[0, 7]]
    assert one < 0.75 < two


def test_a_pareto_front_holds_what_no_cheaper_run_reaches():
    runs = pd.DataFrame({"train_seconds": [1, 1, 2, 3, 4], "objective": [0.5, 0.7, 0.6, 0.9, 0.9]})
    assert list(pareto(runs).index) == [1, 3]
