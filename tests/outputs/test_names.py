import math

import pytest

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.train import Epoch
from hyperstudy.study.outputs.names import (
    COMPLETE,
    DIVERGED,
    EPOCH_METRICS,
    PRUNED,
    check_name,
    epoch_metrics,
    objective,
    summary,
)


def epochs(*accuracies):
    return [
        Epoch(
            epoch=number,
            steps=10 * number,
            train_loss=1.0,
            train_accuracy=0.5,
            val_loss=2.0 - accuracy,
            val_accuracy=accuracy,
            lr=0.1,
            grad_norm=1.0,
            train_seconds=2.0,
            val_seconds=0.5,
            images_per_second=100.0,
        )
        for number, accuracy in enumerate(accuracies, start=1)
    ]


def test_the_objective_is_the_last_epoch_and_the_best_stands_beside_it():
    recorded = summary(epochs(0.5, 0.9, 0.9, 0.8), COMPLETE, 0.1)
    assert recorded["objective"] == recorded["final_val_accuracy"] == 0.8
    assert (recorded["best_val_accuracy"], recorded["best_epoch"]) == (0.9, 2)
    assert (recorded["epochs"], recorded["steps"], recorded["train_seconds"], recorded["val_seconds"]) == (4, 40, 8, 2)


def test_a_diverged_trial_scores_chance_and_a_pruned_one_what_it_had():
    assert objective(epochs(0.5, 0.9), DIVERGED, 0.25) == 0.25
    assert objective(epochs(0.5, 0.9), PRUNED, 0.25) == 0.9


@pytest.mark.parametrize("name", EPOCH_METRICS)
def test_every_epoch_metric_is_a_field_of_the_epoch(name):
    (epoch,) = epochs(0.5)
    assert epoch_metrics(epoch)[name] == getattr(epoch, EPOCH_METRICS[name])


def test_a_value_that_is_not_finite_is_never_recorded():
    epoch = Epoch(1, 5, math.nan, 0.1, math.inf, 0.1, 0.1, math.nan, 1.0, 1.0, 10.0, diverged_at=3)
    recorded = {**epoch_metrics(epoch), **summary([epoch], "diverged", 0.1)}
    assert all(math.isfinite(value) for value in recorded.values())
    assert (recorded["objective"], recorded["diverged_epoch"], recorded["diverged_step"]) == (0.1, 1, 3)
    assert "train/loss" not in recorded


@pytest.mark.parametrize("name", ["digits-cnn", "a", "0", "A.b_c-d", "x" * 100])
def test_a_study_may_have_a_plain_name(name):
    check_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "-flag", "with space", "x" * 101, "é"])
def test_a_study_s_name_must_be_one_for_a_folder(name):
    with pytest.raises(InputError, match="study must be a name of letters, digits"):
        check_name(name)
