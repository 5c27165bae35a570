"""The rows of the planted-truth benchmark over few studies."""

import pytest
from scipy import stats

from tests.reports.planted_truth import ROWS, judged


@pytest.mark.parametrize("name", ROWS)
def test_the_report_is_right_as_often_as_it_says(name):
    row = ROWS[name]
    said, wanted = judged(name, row.studies), row.wanted
    least, most = stats.binom.ppf(0.005, len(said), wanted.low), stats.binom.ppf(0.995, len(said), wanted.high)
    assert least <= sum(said) <= most
    passing = stats.binom(len(said), wanted.wrong)
    assert passing.cdf(most) - passing.cdf(least - 1) < 0.1, "more statements, or the test would miss a wrong rate"
