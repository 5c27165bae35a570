from study.core.train import Epoch
from study.outputs.names import COMPLETE, DIVERGED, PRUNED, objective, summary


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
