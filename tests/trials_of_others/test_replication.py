"""Claims are counted as supported again only by studies that say the same."""

import pytest

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.sections import SECTIONS
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from tests.trials_of_others.hard import plant
from tests.trials_of_others.replication import Claim, again, rate_again, supported
from tests.trials_of_others.studies import draw

UP, DOWN, SOME = (Claim("influence", "lr", frozenset(says)) for says in (["upwards"], ["downwards"], []))
DEPTH = Claim("influence", "depth")


def test_a_claim_is_supported_again_by_one_that_says_at_least_as_much():
    assert again(UP, [DEPTH, UP])
    assert again(SOME, [UP])
    assert not again(UP, [SOME, DOWN])
    assert not again(UP, [UP._replace(kind="experiment"), UP._replace(name="depth")])


def test_the_rate_is_over_all_pairs_of_studies():
    """lr is supported by two of three, so by one of two others; depth by one, so by none: 2 of 6 pairs."""
    found = rate_again([[UP, DEPTH], [UP], []])
    assert found.mean == pytest.approx(2 / 6)
    assert found.n == 3
    assert found.low <= found.mean <= found.high


def test_equal_studies_support_each_other_always():
    assert rate_again([[UP, DEPTH]] * 4)[:3] == pytest.approx((1, 1, 1))


def test_kinds_are_counted_apart():
    studies = [[UP, Claim("failure", "lr")], [UP], [UP]]
    assert rate_again(studies, ["influence"]).mean == 1
    assert rate_again(studies, ["failure"]).mean == 0


@pytest.mark.parametrize("name", ["360 pictures", "no product", "collapse"])
def test_every_supported_finding_of_a_report_is_counted_once(name):
    analysis = Analysis(draw(plant(name), seed=0))
    findings = [f for section in SECTIONS for make in section.claims.values() for f in make(analysis)]
    assert len(supported(analysis)) == sum(f.verdict == SUPPORTED for f in findings) > 0
