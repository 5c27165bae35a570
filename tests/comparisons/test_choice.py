"""Who wins a re-ranking, and how it is told."""

import json

import numpy as np
import pytest

from hyperstudy.study.comparisons.choice import RERANKING, Reranking, choose, in_words, lead_error, read_reranking
from hyperstudy.study.outputs.objective import Objective

DEFAULT = [0.90, 0.92, 0.94]  # mean 0.92, variance 0.0004


def beside(lead, other=(0.5, 0.52, 0.54)):
    """A candidate that leads the default by so much, one that does not, and the default; all vary equally."""
    return {"candidate-1": other, "candidate-2": [value + lead for value in DEFAULT], "default": DEFAULT}


def test_the_error_of_a_lead_is_that_of_two_means_with_the_pooled_variance():
    rows = [[0.1, 0.3], [0.5, 0.9], [0.2, 0.2]]  # variances 0.02, 0.08 and 0
    assert lead_error(rows) == pytest.approx(np.sqrt(2 * 0.1 / 3 / 2))


def test_a_candidate_wins_that_leads_by_more_than_one_standard_error():
    error = np.sqrt(2 * 0.0004 / 3)  # 0.0163
    found = choose(beside(0.0165))
    assert found[:2] == ("candidate-2", "candidate-1")
    assert found[2:] == (pytest.approx(0.0165), pytest.approx(error), 3, 3)
    unbeaten = choose(beside(0.0161))
    assert unbeaten[:2] == ("default", "candidate-2")
    assert unbeaten.lead == pytest.approx(0.0161)


def test_without_spread_only_a_lead_wins():
    equal = {"candidate-1": [0.9] * 3, "default": [0.9] * 3}
    assert choose(equal).winner == "default"
    assert choose({**equal, "candidate-1": [0.91] * 3}).winner == "candidate-1"


def test_what_could_not_be_trained_cannot_win_unless_nothing_could():
    assert choose({"default": DEFAULT}) == Reranking("default", None)
    assert choose({"candidate-1": DEFAULT}) == Reranking("candidate-1", None)
    assert choose({}) == Reranking("default", None)


def test_the_choice_says_whether_the_default_was_beaten():
    assert in_words(choose(beside(0.02))).startswith("The winner led the default by 0.0200 on validation over 3 fresh")
    for lead, place in ((0.01, "0.0100 above it"), (-0.01, "0.0100 below it"), (0, "equal to it")):
        told = in_words(choose(beside(lead)))
        assert told.startswith(f"The default was not beaten: the best candidate was {place} on validation over 3 fresh")
        assert told.endswith("(standard error 0.0163).")
    assert "another configuration was not trained" in in_words(choose({}))
    assert "the default was not trained" in in_words(choose({"candidate-1": DEFAULT}))


def test_the_choice_is_told_in_the_objective():
    loss = Objective("validation loss", maximize=False, unit="nats")
    assert in_words(choose(beside(0.02)), loss).startswith(
        "The winner led the default by 0.02 nats on validation over 3"
    )
    told = in_words(choose(beside(-0.01)), loss)
    assert told == (
        "The default was not beaten: the best candidate was 0.01 nats worse than it on validation over 3 fresh seeds "
        "(standard error 0.01633)."
    )


def test_the_choice_is_read_back_from_a_study_s_tags():
    found = choose(beside(0.02))
    assert read_reranking({RERANKING: json.dumps(found._asdict())}) == found
    assert read_reranking({}) is None, "a study of an old version"


def wins(lead, count=4000):
    """How often a candidate wins whose mean lies so many standard deviations of a seed above the default's."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(count, 3, 3)) + np.array([lead, lead, 0.0])[:, None]
    names = ("candidate-1", "candidate-2", "default")
    won = [choose(dict(zip(names, rows.tolist(), strict=True))).winner != "default" for rows in values]
    return np.mean(won)


def test_candidates_that_are_worse_by_a_seed_s_deviation_seldom_win_and_clearly_better_ones_nearly_always():
    """Of 4,000 re-rankings in which both candidates are equally good."""
    assert wins(-1) < 0.03
    assert 0.15 < wins(0) < 0.30
    assert wins(2) > 0.93
