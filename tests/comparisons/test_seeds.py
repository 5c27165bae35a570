"""Means over seeds, against scipy's own tests."""

import numpy as np
import pytest
from scipy import stats

from study.comparisons.seeds import Estimate, is_constant, mean_interval, paired_difference

VALUES = [0.97, 0.98, 0.99, 0.985, 0.975]
OTHERS = [0.96, 0.985, 0.97, 0.97, 0.97]


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_scipy_s_t_interval(level):
    expected = stats.ttest_1samp(VALUES, 0).confidence_interval(level)
    estimate = mean_interval(VALUES, level)
    assert (estimate.mean, estimate.n) == (pytest.approx(np.mean(VALUES)), 5)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_a_difference_is_paired():
    expected = stats.ttest_rel(VALUES, OTHERS).confidence_interval(0.95)
    estimate = paired_difference(VALUES, OTHERS)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_an_interval_ends_where_values_end():
    free, cut = mean_interval([0.99, 1.0, 0.999]), mean_interval([0.99, 1.0, 0.999], bounds=(0, 1))
    assert free.high > 1
    assert (cut.low, cut.high, cut.mean) == (free.low, 1.0, free.mean)


@pytest.mark.parametrize("values", [[0.5], [0.5] * 3, [0.1 + 0.2, 0.3]])
def test_without_spread_there_is_no_interval(values):
    assert mean_interval(values)[1:] == (None, None, len(values))
    assert str(mean_interval(values)) == f"{values[0]:.4f}"


def test_no_value_has_no_mean():
    estimate = mean_interval([])
    assert np.isnan(estimate.mean)
    assert estimate.n == 0


def test_an_estimate_prints_its_interval():
    assert str(Estimate(0.97, 0.96, 0.98, 5)) == "0.9700 [0.9600, 0.9800]"


def test_values_that_differ_in_their_last_bits_are_constant():
    assert is_constant([0.3, 0.1 + 0.2])
    assert not is_constant([0.3, 0.3001])
