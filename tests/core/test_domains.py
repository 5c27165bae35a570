import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperstudy.study.core.domains import Choice, Dimension, Range, dimension

quantiles = st.floats(0, 1, exclude_max=True)


@given(quantiles, st.integers(1, 50), st.integers(1, 500), st.booleans())
def test_an_integer_range_gives_integers_within_its_ends(quantile, low, extent, log):
    value = Range(low, low + extent, log).at(quantile)
    assert isinstance(value, int)
    assert low <= value <= low + extent


@given(quantiles, st.floats(1e-6, 1), st.floats(1.01, 1e4), st.booleans())
def test_a_float_range_stays_within_its_ends(quantile, low, factor, log):
    assert low <= Range(low, low * factor, log).at(quantile) <= low * factor


def test_the_middle_of_a_log_range_is_the_geometric_mean():
    assert Range(1e-5, 1e-1, log=True).at(0.5) == pytest.approx(1e-3)
    assert Range(0.0, 0.5).at(0.5) == 0.25


def test_every_integer_and_every_option_has_an_equal_share():
    grid = [(i + 0.5) / 1000 for i in range(1000)]
    assert [sum(Range(1, 4).at(q) == level for q in grid) for level in (1, 2, 3, 4)] == [250] * 4
    assert [sum(Choice(("a", "b")).at(q) == name for q in grid) for name in ("a", "b")] == [500] * 2


def test_levels_are_equally_far_apart_on_the_range_s_own_scale():
    assert Range(1e-4, 1e-1, log=True).levels(4) == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    assert Range(1, 3).levels(5) == (1, 2, 3)
    assert Choice(("a", "b")).levels(9) == ("a", "b")


DOMAINS = [Range(1e-5, 1e-1, log=True), Range(0.0, 0.5), Range(1, 4), Range(16, 256, log=True), Choice((16, 64, 256))]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_positions_run_from_0_at_the_lower_end_to_1_at_the_upper_and_back(domain):
    shares = np.linspace(0, 1, 7)
    assert domain.positions([min(domain.ends), max(domain.ends)]) == pytest.approx([0, 1])
    assert domain.positions(domain.values(shares)) == pytest.approx(shares)


def test_positions_are_even_on_the_domain_s_scale():
    assert Range(1e-4, 1.0, log=True).positions([1e-3, 1e-2]) == pytest.approx([0.25, 0.5])
    assert Range(0.0, 4.0).positions([1, 3]) == pytest.approx([0.25, 0.75])
    assert Choice((1, 10, 100)).positions([10]) == pytest.approx([0.5])
    assert Choice((0, 10, 100)).positions([10]) == pytest.approx([0.1]), "0 has no logarithm"
    assert Choice(("b", "a")).positions(["a", "b", "b"]).tolist() == [1, 0, 0]


@pytest.mark.parametrize("domain", [*DOMAINS, Choice(("a", "b", "c"))], ids=str)
def test_positions_at_quantiles_are_those_of_the_values_there(domain):
    quantiles = (np.arange(200) + 0.5) / 200
    expected = domain.positions([domain.at(quantile) for quantile in quantiles])
    assert domain.positions_at(quantiles) == pytest.approx(expected)


@pytest.mark.parametrize("domain", [*DOMAINS, Choice(("a", "b")), None], ids=str)
def test_a_dimension_comes_back_from_json(domain):
    row = Dimension(domain, 64, "pictures", (2, 65536))
    assert dimension(json.loads(json.dumps(row.as_dict()))) == row
