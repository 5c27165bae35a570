"""The rows of the planted-truth benchmark over few studies, within what chance allows about their wanted rates."""

import pytest
from scipy import stats

from tests.planted_truth import ROWS, judged


@pytest.mark.parametrize("name", ROWS)
def test_the_report_is_right_as_often_as_it_says(name):
    row = ROWS[name]
    said = judged(name, 40 if row.seconds < 0.1 else 8)
    low, high = row.wanted
    assert stats.binom.ppf(0.0005, len(said), low) <= sum(said) <= stats.binom.ppf(0.9995, len(said), high)
