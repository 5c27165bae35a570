"""The configurations of an ablation."""

from itertools import pairwise

import pytest

from hyperstudy.study.comparisons.arms import ALONE, PATH, arms_of, hypotheses, short
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.plan import make_plan

SPACE = make_plan("digits", "cnn", {}).space
DEFAULT = {name: getattr(Config(), name) for name in SPACE}
WINNER = {"lr": 0.01, "batch_size": 32, "depth": 3, "activation": "tanh"}


def test_each_hyperparameter_that_differs_is_changed_alone_and_on_the_path():
    found = hypotheses(WINNER, DEFAULT, SPACE)
    assert [(row.kind, row.name) for row in found] == [(kind, name) for kind in (ALONE, PATH) for name in SPACE]
    for row in found[:4]:
        assert row.high.levels == WINNER
        assert row.low.levels == {**WINNER, row.name: DEFAULT[row.name]}


def test_the_path_leads_from_default_to_winner_one_change_at_a_time():
    path = [row for row in hypotheses(WINNER, DEFAULT, SPACE) if row.kind == PATH]
    assert path[0].low.levels == DEFAULT
    assert path[-1].high.levels == WINNER
    assert all(earlier.high == later.low for earlier, later in pairwise(path))
    for row in path:
        assert {n for n in SPACE if row.low.levels[n] != row.high.levels[n]} == {row.name}


def test_an_arm_stands_once_though_several_hypotheses_share_it():
    """The last but one step of the path is the winner with the last hyperparameter set back."""
    arms = arms_of(hypotheses(WINNER, DEFAULT, SPACE))
    levels = [tuple(arm.levels.values()) for arm in arms]
    assert len(set(levels)) == len(levels) == 2 + 4 + 2
    names = [arm.name for arm in arms]
    assert len(set(names)) == len(names)
    assert {"winner", "default"} < set(names)


def test_names_tell_values_apart_that_are_close():
    """Four digits make these two winners' values the same; their arms are still two."""
    winner = {**WINNER, "lr": 1.0000001e-3}
    arms = arms_of(hypotheses(winner, DEFAULT, SPACE))
    levels = {tuple(arm.levels.values()) for arm in arms}
    assert len({arm.name for arm in arms}) == len(arms) == len(levels)


@pytest.mark.parametrize("count", [1, 2])
def test_with_few_changes_arms_coincide(count):
    winner = {**DEFAULT, **dict(list(WINNER.items())[:count])}
    found = hypotheses(winner, DEFAULT, SPACE)
    assert len(found) == 2 * count
    assert len(arms_of(found)) == {1: 2, 2: 4}[count]


def test_a_winning_default_leaves_nothing_to_ask():
    assert hypotheses(DEFAULT, DEFAULT, SPACE) == []


def test_hyperparameters_that_are_not_searched_are_left_alone():
    winner = {**WINNER, "seed": 3}
    found = hypotheses(
        winner, {**DEFAULT, "seed": 0}, {"lr": Range(1e-5, 1e-1, log=True), "activation": Choice(("a",))}
    )
    assert {row.name for row in found} == {"lr", "activation"}


def test_a_change_is_told_in_four_digits():
    row = hypotheses({**DEFAULT, "lr": 0.0123456}, DEFAULT, SPACE)[0]
    assert row.change == "lr 0.001 -> 0.01235"
    assert (short(0.0123456), short(3), short("relu")) == ("0.01235", "3", "relu")
