"""Means over seeds, against scipy's own tests."""

import numpy as np
import pytest
from scipy import stats

from hyperstudy.study.comparisons.seeds import (
    Answered,
    Estimate,
    accuracy_interval,
    accuracy_of,
    crossed,
    is_constant,
    lead_of,
    mean_interval,
    paired_difference,
    variances,
)

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


def answers(rng, level, seeds, hard, seed_spread=0.1, own=None):
    """Right answers `(seeds, N)` of one configuration: pictures are hard in common and for it, seeds are good or bad.

    An answer is right if level + difficulty + own difficulty + seed's effect + noise > 0, all of them normal.
    """
    latent = level + hard + (0 if own is None else own) + rng.normal(0, seed_spread, (seeds, 1))
    return rng.normal(size=(seeds, len(hard))) < latent


def truth(level, *spreads):
    """The probability of a right answer to a new picture with a new seed."""
    return stats.norm.cdf(level / np.sqrt(1 + sum(spread**2 for spread in spreads)))


@pytest.mark.parametrize(("level", "pictures"), [(1.2, 360), (3.5, 360), (3.5, 1500)])
def test_the_interval_of_an_accuracy_covers_it_for_other_seeds_and_pictures(level, pictures):
    """Of 2,000 studies; an interval over seeds alone, which this replaces, covers in 75 to 90%."""
    rng, true = np.random.default_rng(0), truth(level, 1.5, 0.1)
    hits = alone = 0
    for _ in range(2000):
        right = answers(rng, level, 5, rng.normal(0, 1.5, pictures))
        found, old = accuracy_interval(right.astype(float)), mean_interval(right.mean(1))
        hits += found.low <= true <= found.high
        alone += old.low is not None and old.low <= true <= old.high
    assert 0.935 < hits / 2000 < 0.985
    assert alone / 2000 < 0.91


@pytest.mark.parametrize("lead", [0.0, 0.4])
def test_the_interval_of_a_lead_covers_it_for_other_seeds_and_pictures(lead):
    """Of 2,000 studies in which each configuration has difficulties of its own."""
    rng, spreads = np.random.default_rng(1), (1.5, 0.8, 0.1)
    true = truth(2.5 + lead, *spreads) - truth(2.5, *spreads)
    hits = alone = 0
    for _ in range(2000):
        hard = rng.normal(0, 1.5, 360)
        first, second = (answers(rng, level, 5, hard, own=rng.normal(0, 0.8, 360)) for level in (2.5 + lead, 2.5))
        found = lead_of(as_runs(first), as_runs(second)).estimate
        old = paired_difference(first.mean(1), second.mean(1))
        hits += found.low <= true <= found.high
        alone += old.low is not None and old.low <= true <= old.high
    assert 0.935 < hits / 2000 < 0.975
    assert alone / 2000 < 0.91


def as_runs(right):
    return [Answered(seed, float(row.mean()), row) for seed, row in enumerate(right)]


def test_the_variances_are_those_that_the_table_was_made_with():
    """Of 5 by 300 tables, on average: the closed form's expectation is the truth, and clipping at 0 seldom matters."""
    rng, found = np.random.default_rng(2), []
    for _ in range(300):
        parts = rng.normal(0, 0.5, (5, 1)), rng.normal(0, 0.8, (1, 300)), rng.normal(0, 1.0, (5, 300))
        found.append(variances(sum(parts)))
    assert np.mean(found, axis=0) == pytest.approx([0.25, 0.64, 1.0], rel=0.1)


def test_the_error_is_that_of_the_variances():
    rng = np.random.default_rng(3)
    table = rng.normal(0, 1, (5, 1)) + rng.normal(0, 1, (1, 40)) + rng.normal(size=(5, 40))
    assert crossed(table).error == pytest.approx(variances(table).error(5, 40))
    assert crossed(table).mean == pytest.approx(table.mean())


def test_pictures_alone_give_an_interval_where_all_seeds_agree():
    """Then it is Wilson's for one run, but for Student's quantile."""
    right = np.tile(np.arange(200) < 180, (5, 1)).astype(float)
    found, wilson = accuracy_interval(right), stats.binomtest(180, 200).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=2e-3)


def test_without_a_mistake_accuracy_has_a_lower_bound_still():
    found = accuracy_interval(np.ones((5, 100)))
    assert found.high == pytest.approx(1.0)
    assert 0.95 < found.low < 0.97  # Wilson's for 100 of 100 is 0.963


def test_equal_answers_show_no_spread_of_a_lead():
    runs = as_runs(np.arange(10) < np.full((3, 1), 7))
    assert lead_of(runs, runs) == (Estimate(0.0, None, None, 3), 0.5, 10)


def test_runs_that_kept_no_answers_are_compared_over_seeds_alone():
    first = [Answered(seed, value) for seed, value in enumerate(VALUES)]
    second = [Answered(seed, value) for seed, value in enumerate(OTHERS)][::-1]
    expected = stats.ttest_rel(VALUES, OTHERS, alternative="greater")
    found = lead_of([*first, Answered(9, 0.1)], second)
    assert found.estimate == pytest.approx(paired_difference(VALUES, OTHERS))
    assert (found.probability, found.pictures) == (pytest.approx(1 - expected.pvalue), None)
    assert accuracy_of(first) == mean_interval(VALUES, bounds=(0, 1))


def test_one_seed_gives_no_interval():
    (run,) = as_runs(np.ones((1, 10)))
    assert accuracy_of([run])[1:] == (None, None, 1)
    assert lead_of([run], [run]) == (Estimate(0.0, None, None, 1), None, None)
