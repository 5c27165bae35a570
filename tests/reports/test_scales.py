import numpy as np
import pandas as pd
import pytest

from reports.scales import at_quantiles, bucket, positions, scaled, unscaled
from study.core.domains import Choice, Range
from tests.planted import PLAN, SPACE


@pytest.mark.parametrize("name", ["lr", "batch_size", "depth"])
def test_positions_run_from_the_lower_end_to_the_upper_and_back_to_values(name):
    row = SPACE[name]
    assert scaled([row["low"], row["high"]], row) == pytest.approx([0, 1])
    assert unscaled(scaled([row["low"], 3 if name == "depth" else 20], row), row)[0] == pytest.approx(row["low"])


@pytest.mark.parametrize("name", PLAN.space)
def test_quantiles_give_the_positions_that_the_design_gives(name):
    quantiles = np.linspace(0, 0.999, 50)
    values = pd.Series([PLAN.space[name].at(q) for q in quantiles])
    assert at_quantiles(quantiles, SPACE[name]) == pytest.approx(positions(values, SPACE[name]))


def test_numbers_to_choose_from_lie_on_their_own_scale():
    row = {"kind": "choice", "options": [16, 64, 256]}
    assert at_quantiles(np.array([0.1, 0.5, 0.9]), row) == pytest.approx([0, 0.5, 1])
    assert [Choice((16, 64, 256)).at(q) for q in (0.1, 0.5, 0.9)] == [16, 64, 256]
    assert Range(1, 4).at(0.99) == 4


@pytest.mark.parametrize(("low", "high", "log"), [(1, 8, False), (16, 256, True), (1, 5, True)])
def test_parts_of_whole_numbers_are_named_by_the_numbers_in_them(low, high, log):
    row = {"kind": "range", "low": low, "high": high, "log": log}
    values = pd.Series(range(low, high + 1))
    for value, label in zip(values, bucket(values, row), strict=True):
        first, last = map(int, label.split(" to "))
        assert first <= value <= last
