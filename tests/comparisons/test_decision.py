"""What a study decides, in words."""

import numpy as np
import pytest

from hyperstudy.study.comparisons.choice import Reranking
from hyperstudy.study.comparisons.decision import Finalist, decide, in_points, not_told_apart, percent
from hyperstudy.study.comparisons.seeds import Answered, Estimate, lead_of
from hyperstudy.study.outputs.objective import Objective

RNG = np.random.default_rng(0)


def finalist(accuracy, seconds=1.0, seeds=5, **levels):
    """Runs that are right about so many of 1,000 pictures, always the same ones but for the seed's own ten."""
    right = np.arange(1000) < round(1000 * accuracy)
    runs = []
    for seed in range(seeds):
        own = right.copy()
        own[RNG.integers(0, 1000, 10)] ^= True
        runs.append(Answered(seed, float(own.mean()), own))
    return Finalist({"lr": 0.0031, "depth": 3, **levels}, runs, seconds)


CLEAR = {"winner": finalist(0.95, 2.8), "runner-up": finalist(0.949, lr=0.002), "default": finalist(0.90, lr=0.001)}


def test_a_clear_winner_is_recommended_with_accuracy_lead_probability_and_cost():
    told = decide(CLEAR, None)
    assert told.startswith("Use lr = 0.0031, depth = 3: 9")
    assert " on the test set, " in told
    assert "better with probability 0.99, at 2.8 times its training time." in told
    pictures = int(told.split("(")[1].split(" of 1,000 pictures)")[0])
    pairs = zip(CLEAR["winner"].runs, CLEAR["default"].runs, strict=True)
    mean = np.mean([one.value - two.value for one, two in pairs])
    assert pictures == round(1000 * mean)


def test_finalists_within_the_interval_are_not_told_apart():
    assert list(not_told_apart(CLEAR)) == ["runner-up"]


def test_where_the_default_won_it_is_recommended_and_the_search_s_best_is_told():
    choice = Reranking("default", "candidate-1", -0.004, 0.0052, 3, 3)
    told = decide({"winner": finalist(0.95), "runner-up": finalist(0.94)}, choice)
    assert told.startswith("Use the default, lr = 0.0031, depth = 3: 9")
    assert "its best is 0.4 points below it on validation over 3 fresh seeds, with a standard error of 0.5." in told


def test_a_winner_that_is_clearly_worse_on_the_test_set_is_not_recommended():
    told = decide({"winner": finalist(0.90), "default": finalist(0.95, lr=0.001)}, None)
    assert told.startswith("Use the default, lr = 0.001, depth = 3: 9")
    assert "below it there" in told


@pytest.mark.parametrize("finalists", [{}, {"winner": Finalist({"lr": 1.0}, [], None)}])
def test_without_a_tested_winner_there_is_no_decision(finalists):
    assert decide(finalists, None) == ""


def test_one_seed_gives_no_interval_and_no_probability():
    told = decide({"winner": finalist(0.95, seeds=1), "default": finalist(0.90, seeds=1)}, None)
    assert "[" not in told
    assert "probability" not in told


def test_accuracies_are_in_percent_and_leads_in_points():
    assert percent(Estimate(0.9833, 0.9771, 0.9882, 5)) == "98.3% [97.7, 98.8]"
    runs = [[Answered(seed, value) for seed, value in enumerate(values)] for values in ([0.9, 0.92], [0.88, 0.89])]
    assert in_points(lead_of(*runs)).startswith("2.5 points [-3.9, +8.9]")  # 2.5 +- 12.706 * 0.5


LOSS = Objective("validation loss", maximize=False, unit="nats", key="val/loss", test_key="test/loss")


def with_losses(*losses, **levels):
    return Finalist({"lr": 0.0031, **levels}, [Answered(seed, -loss) for seed, loss in enumerate(losses)], 1.0)


def test_a_loss_is_told_in_its_unit_and_a_lower_one_is_better():
    finalists = {"winner": with_losses(0.2, 0.22), "default": with_losses(0.31, 0.32, lr=0.001)}
    told = decide(finalists, None, LOSS)
    # 0.21 +- 12.706 * 0.01 and 0.105 +- 12.706 * 0.005
    assert told == (
        "Use lr = 0.0031: test loss 0.21 nats [0.08294, 0.3371], 0.105 nats [+0.04147, +0.1685] better than the "
        "default, with probability 0.98, at 1.0 times its training time."
    )


def test_a_winner_with_a_clearly_higher_loss_is_not_recommended():
    finalists = {"winner": with_losses(0.3, 0.31, 0.3), "default": with_losses(0.2, 0.21, 0.21, lr=0.001)}
    told = decide(finalists, None, LOSS)
    assert told.startswith("Use the default, lr = 0.001: test loss 0.2067 nats [")
    assert "The configuration that won on validation is 0.09667 nats [-0.1" in told
    assert told.endswith("] worse.")


def test_without_a_test_metric_the_decision_says_what_is_open():
    untested = LOSS._replace(test_key="")
    told = decide({"winner": with_losses(0.2, 0.22), "default": with_losses(0.31, 0.32)}, None, untested)
    assert "validation loss 0.21 nats [0.08294, 0.3371] over 2 fresh seeds" in told
    assert told.endswith("it is open how this does on data by which nothing was chosen.")
    unbeaten = decide({"winner": with_losses(0.2, 0.22)}, Reranking("default", "c", -0.004, 0.0052, 3, 3), untested)
    assert (
        "its best is 0.004 nats worse than it on validation over 3 fresh seeds, with a standard error of 0.0052."
        in (unbeaten)
    )
    assert unbeaten.endswith("nothing was chosen.")
