import math

import pytest

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, PRUNED, check_name, judged, summary
from hyperstudy.study.outputs.objective import ACCURACY, Objective

LOSS = Objective("validation loss", maximize=False, key="val/loss", test_key="test/loss")


def epochs(*accuracies):
    trained = {"train/loss": 1.0, "train/accuracy": 0.5, "time/train_seconds": 2.0, "time/val_seconds": 0.5}
    return [
        Epoch(number, {"train/steps": 10 * number, "val/loss": 2.0 - accuracy, "val/accuracy": accuracy, **trained})
        for number, accuracy in enumerate(accuracies, start=1)
    ]


def test_the_objective_is_the_last_epoch_and_the_best_stands_beside_it():
    recorded = summary(epochs(0.5, 0.9, 0.9, 0.8), COMPLETE, ACCURACY, 0.1)
    assert (recorded["objective"], recorded["best_objective"], recorded["best_epoch"]) == (0.8, 0.9, 2)
    assert (recorded["epochs"], recorded["steps"], recorded["train_seconds"], recorded["val_seconds"]) == (4, 40, 8, 2)


def test_the_best_of_a_loss_is_its_lowest():
    recorded = summary(epochs(0.5, 0.9, 0.9, 0.8), COMPLETE, LOSS, 2.3)
    assert (recorded["objective"], recorded["best_objective"]) == pytest.approx((1.2, 1.1))
    assert recorded["best_epoch"] == 2


def test_a_diverged_trial_scores_chance_and_a_pruned_one_what_it_had():
    assert judged(epochs(0.5, 0.9), DIVERGED, ACCURACY, 0.25) == 0.25
    assert judged(epochs(0.5, 0.9), PRUNED, ACCURACY, 0.25) == 0.9


def test_a_trial_has_no_objective_where_guessing_has_none_or_it_is_no_number():
    assert judged(epochs(0.5, 0.9), DIVERGED, LOSS, None) is None
    assert judged([Epoch(1, {"val/loss": math.nan})], COMPLETE, LOSS, 2.3) is None
    assert judged([Epoch(1, {"other": 1.0})], COMPLETE, LOSS, 2.3) is None


def test_a_value_that_is_not_finite_is_never_recorded():
    epoch = Epoch(1, {"val/accuracy": math.nan, "train/steps": 5}, diverged_at=3)
    recorded = summary([epoch], DIVERGED, ACCURACY, 0.1)
    assert all(math.isfinite(value) for value in recorded.values())
    assert (recorded["objective"], recorded["diverged_epoch"], recorded["diverged_step"]) == (0.1, 1, 3)


@pytest.mark.parametrize("name", ["digits-cnn", "a", "0", "A.b_c-d", "x" * 100])
def test_a_study_may_have_a_plain_name(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "-flag", "with space", "x" * 101, "é"])
def test_a_study_s_name_must_be_one_for_a_folder(name):
    with pytest.raises(InputError, match="study must be a name of letters, digits"):
        check_name(name)
