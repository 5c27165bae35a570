"""Which ablations a study runs by itself."""

import pytest

from hyperstudy.study.commands.ablation import cheap_arms
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import COMPLETE, CONFIRM, EXPLORE
from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.tracking.tracker import Run

PLAN = make_plan("digits", "mlp", {})
WINNER = PLAN.base.replace(lr=0.01, batch_size=32)


def run(config, epochs, phase=CONFIRM, seed=1000):
    params = {name: str(value) for name, value in config.replace(seed=seed).hyperparameters().items()}
    params |= {"dataset": config.dataset, "model": config.model}
    metrics = {"epochs": epochs, "objective": 0.9} | ({"test/accuracy": 0.9} if phase == CONFIRM else {})
    return Run(f"{phase}{seed}{epochs}", "name", "FINISHED", params, metrics, {"phase": phase, "state": COMPLETE}, "")


def arms(search_epochs, winner=WINNER, seeds=2):
    """Two finalists of ten epochs a run; two hyperparameters differ, so two arms lie between them."""
    finalists = [run(config, 10, seed=1000 + seed) for config in (winner, PLAN.base) for seed in range(seeds)]
    return cheap_arms([run(PLAN.base, search_epochs, EXPLORE), *finalists], PLAN, {"winner": winner}, seeds, ACCURACY)


def test_an_ablation_of_less_than_a_third_of_the_training_belongs_to_the_study():
    """Two arms over two seeds take 40 epochs; the finalists took 40, so the third is reached at 120 in all."""
    assert len(arms(81)) == 4
    assert arms(80) == {}


def test_arms_are_those_between_default_and_winner():
    assert {(config.lr, config.batch_size) for config in arms(100).values()} == {
        (lr, size) for lr in (0.01, PLAN.base.lr) for size in (32, PLAN.base.batch_size)
    }


@pytest.mark.parametrize("winner", [PLAN.base, PLAN.base.replace(lr=0.01)])
def test_where_the_default_wins_or_one_hyperparameter_differs_nothing_is_left_to_train(winner):
    assert arms(100, winner) == {}


def test_runs_that_were_cut_off_do_not_count():
    cut = run(PLAN.base, 30, EXPLORE)
    cut.tags["state"] = "interrupted"
    finalists = [run(config, 10, seed=1000 + seed) for config in (WINNER, PLAN.base) for seed in range(2)]
    runs = [run(PLAN.base, 80, EXPLORE), cut, *finalists]
    assert cheap_arms(runs, PLAN, {"winner": WINNER}, 2, ACCURACY) == {}
