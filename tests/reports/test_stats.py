import numpy as np
import pytest
from scipy import stats

from reports.stats import mean_interval, paired_difference, pairs_needed, probability_positive, spread


def test_the_interval_is_scipy_s_t_interval():
    values = [0.97, 0.98, 0.99, 0.985, 0.975]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    estimate = mean_interval(values)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))
    assert (estimate.mean, estimate.n) == (pytest.approx(0.98), 5)


def test_a_paired_difference_is_scipy_s_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=8), rng.normal(size=8)
    expected = stats.ttest_rel(first, second).confidence_interval(0.95)
    estimate = paired_difference(first, second)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval():
    assert mean_interval([0.9]) == (0.9, None, None, 1)
    assert str(mean_interval([0.9])) == "0.9000"
    assert mean_interval([0.9, 0.9]) == (0.9, None, None, 2)


def test_an_interval_of_accuracies_ends_at_one():
    assert mean_interval([0.99, 1.0, 1.0], bounds=(0, 1)).high == 1.0


def test_the_interval_covers_at_its_nominal_rate_at_five_seeds():
    rng = np.random.default_rng(1)
    hits = sum(e.low <= 0.0 <= e.high for e in (mean_interval(rng.normal(size=5)) for _ in range(2000)))
    assert 0.935 < hits / 2000 < 0.965  # three standard errors about 0.95


def test_differences_that_are_equal_but_for_rounding_have_no_interval():
    one, two = [330 / 360, 332 / 360], [329 / 360, 331 / 360]
    difference = [a - b for a, b in zip(one, two, strict=True)]
    assert difference[0] != difference[1], "which is what makes this hard"
    assert paired_difference(one, two)[1:3] == (None, None)
    assert pairs_needed(difference) is None
    assert probability_positive(difference) == 1.0
    assert spread([[0.1 + 0.2, 0.3]]).mean == 0.0
