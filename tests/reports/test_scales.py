import numpy as np
import pandas as pd
import pytest

from hyperstudy.reports.statistics.scales import bucket
from hyperstudy.study.core.domains import Choice, Range
from tests.reports.planted import DOMAINS, peak, planted


@pytest.mark.parametrize("name", ["lr", "batch_size", "depth"])
def test_positions_run_from_the_lower_end_to_the_upper_and_back_to_values(name):
    domain = DOMAINS[name]
    assert domain.positions(domain.ends) == pytest.approx([0, 1])
    assert domain.values([0, 1]) == pytest.approx(domain.ends)


@pytest.mark.parametrize("name", DOMAINS)
def test_quantiles_give_the_positions_that_the_design_gives(name):
    quantiles = np.linspace(0, 0.999, 50)
    values = pd.Series([DOMAINS[name].at(q) for q in quantiles])
    assert DOMAINS[name].positions_at(quantiles) == pytest.approx(DOMAINS[name].positions(values))


def test_numbers_to_choose_from_lie_on_their_own_scale():
    assert Choice((16, 64, 256)).positions_at(np.array([0.1, 0.5, 0.9])) == pytest.approx([0, 0.5, 1])
    assert [Choice((16, 64, 256)).at(q) for q in (0.1, 0.5, 0.9)] == [16, 64, 256]
    assert Range(1, 4).at(0.99) == 4


@pytest.mark.parametrize(("low", "high", "log"), [(1, 8, False), (16, 256, True), (1, 5, True)])
def test_parts_of_whole_numbers_are_named_by_the_numbers_in_them(low, high, log):
    values = pd.Series(range(low, high + 1))
    for value, label in zip(values, bucket(values, Range(low, high, log)), strict=True):
        first, last = map(int, label.split(" to "))
        assert first <= value <= last


def test_buckets_are_equal_parts_of_the_scale():
    trials = planted(0, peak).explored
    labels = bucket(trials.lr, DOMAINS["lr"])
    assert list(labels.cat.categories) == ["1e-05 to 0.000215", "0.000215 to 0.00464", "0.00464 to 0.1"]
    assert min(labels.value_counts()) >= 10
    assert set(bucket(trials.activation, DOMAINS["activation"])) == {"relu", "gelu", "tanh", "sigmoid"}
