import numpy as np
import pytest

from hyperstudy.reports.statistics.interactions import interactions, trials_needed
from tests.reports.planted import DOMAINS, interacting, lr_with_activation, lr_with_batch_size, peak, planted


def test_the_share_of_a_planted_product_is_found():
    rows = interactions(planted(0, interacting(peak, lr_with_batch_size), 400, noise=0.0).explored, DOMAINS)
    assert set(rows[0].pair) == {"lr", "batch_size"}
    assert rows[0].share == pytest.approx(0.2, abs=0.05)
    assert [row.found for row in rows].count(True) == 1


def test_a_product_of_levels_is_found_and_named_alone():
    rows = interactions(planted(0, interacting(peak, lr_with_activation)).explored, DOMAINS)
    assert [set(row.pair) for row in rows if row.found] == [{"lr", "activation"}]


def test_what_another_scale_of_accuracy_removes_is_not_claimed():
    """Errors that multiply act together on the scale of accuracy, and add up on that of their logarithm."""

    def multiplied(u):
        return 1 - 0.01 * np.exp(3 * (1 - u.lr) + 1.2 * (1 - u.batch_size))

    rows = interactions(planted(0, multiplied, 96, noise=0.0).explored, DOMAINS)
    assert rows[0].scale == "the logarithm of the error"


def test_the_trials_needed_are_enough_and_half_of_them_are_not():
    assert trials_needed(DOMAINS) == 32
    assert interactions(planted(0, peak, 24).explored, DOMAINS) == []
    assert len(interactions(planted(0, peak, 48).explored, DOMAINS)) == 6


def test_equal_outcomes_show_no_interaction():
    assert interactions(planted(0, peak).explored.assign(objective=0.9), DOMAINS) == []
