import numpy as np
import pytest
from scipy import stats

from hyperstudy.reports.statistics.intervals import pairs_needed, rate, smallest_difference, spread
from hyperstudy.reports.statistics.verdicts import holm
from hyperstudy.study.comparisons.seeds import mean_interval, paired_difference, probability_positive


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


def test_holm_s_rule_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    for size in range(1, 8):
        p = np.random.default_rng(size).random(size) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]) == []


def test_the_smallest_difference_is_the_one_that_statsmodels_finds_with_power_80():
    from statsmodels.stats.power import TTestPower

    effect = smallest_difference(1.0, 5) / np.sqrt(2)
    assert TTestPower().power(effect, 5, 0.05, alternative="larger") >= 0.8
    assert TTestPower().power(effect, 5, 0.05) == pytest.approx(0.8, abs=1e-3)
    assert smallest_difference(1.0, 1) == np.inf


def test_the_pairs_needed_are_those_that_statsmodels_gives():
    from statsmodels.stats.power import TTestPower

    for difference in ([0.1, 0.3, 0.2], [0.01, 0.2, -0.05, 0.1]):
        needed, effect = pairs_needed(difference), np.mean(difference) / np.std(difference, ddof=1)
        assert TTestPower().power(effect, needed, 0.05) >= 0.8 - 1e-3
        assert TTestPower().power(effect, needed - 1, 0.05) < 0.8
    assert pairs_needed([0.5]) is None
    assert pairs_needed([0.5, -0.5]) is None


def test_rates_are_wilson_s_and_noise_is_pooled():
    assert (rate(3, 10).low, rate(3, 10).high) == pytest.approx((0.1078, 0.6032), abs=1e-4)  # Newcombe 1998
    assert spread([[1.0, 3.0], [2.0, 4.0]]).mean == pytest.approx(np.sqrt(2))
    assert spread([[1.0], []]) is None
    assert probability_positive([1.0]) is None
    assert probability_positive([0.1, 0.3, 0.2]) == pytest.approx(stats.ttest_1samp([0.1, 0.3, 0.2], 0).pvalue / -2 + 1)
