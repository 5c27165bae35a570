import pytest

from hyperstudy.study.comparisons.finalists import (
    FIRST_SEED,
    confirmed,
    finished,
    over_seeds,
    ranking,
    trained_by,
    unconfirmed,
)
from hyperstudy.study.core.config import HYPERPARAMETERS, Config
from hyperstudy.study.core.errors import StoreError
from hyperstudy.study.core.params import from_params
from hyperstudy.study.outputs.names import CONFIRM
from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.search.slots import Jobs
from hyperstudy.study.studies.summary import gain, test_accuracy
from hyperstudy.study.tracking.tracker import Run, Tracker
from tests.conftest import store_of

mean_test_accuracy = test_accuracy  # pytest would take the imported name for a test
del test_accuracy


def run(trial, objective, loss=1.0, phase="explore", state="complete", test=None, **fields):
    config = Config(**fields)
    params = {"dataset": config.dataset, "model": config.model, **config.hyperparameters()}
    metrics = {"objective": objective, "val/loss": loss} | ({} if test is None else {"test/accuracy": test})
    tags = {"phase": phase, "trial": str(trial), "state": state}
    return Run(f"id{trial}", f"run{trial}", "FINISHED", {k: str(v) for k, v in params.items()}, metrics, tags, "")


def test_the_ranking_is_by_accuracy_then_loss_then_number_and_leaves_out_what_is_not_complete():
    runs = [
        run(0, 0.9, loss=0.5),
        run(1, 0.95, loss=0.4, phase="search"),
        run(2, 0.95, loss=0.3),
        run(3, 0.95, loss=0.3),
        run(4, 0.99, state="pruned"),
        run(5, 0.99, state="diverged"),
        run(6, 0.99, phase="confirm"),
        Run("x", "someone else's", "FINISHED", {}, {}, {}, ""),
    ]
    assert [entry.tags["trial"] for entry in ranking(runs, ACCURACY)] == ["2", "3", "1", "0"]


def test_without_a_confirmation_the_winner_is_the_best_of_the_search():
    runs = [run(0, 0.9), run(1, 0.95, seed=3, lr=0.2), run(2, 0.99, state="diverged")]
    assert unconfirmed(runs, Config(), ACCURACY) == {"winner": Config(lr=0.2)}
    assert unconfirmed(runs[2:], Config(), ACCURACY) == {}


ROLES = {"winner": Config(lr=0.2), "default": Config()}


def test_every_finalist_gets_the_same_fresh_seeds():
    seeds = {role: [c.seed for name, c in over_seeds(ROLES, 3) if name == role] for role in ROLES}
    assert seeds == {"winner": [1000, 1001, 1002], "default": [1000, 1001, 1002]}
    assert over_seeds(ROLES, 1)[0] == ("winner", ROLES["winner"].replace(seed=FIRST_SEED))


def test_more_seeds_add_to_those_that_are_there():
    done = [config for _, config in over_seeds(ROLES, 2)]
    jobs = Jobs(CONFIRM, over_seeds(ROLES, 3), done)
    assert [(slot.name, slot.config.seed) for slot in iter(jobs.next, None)] == [
        ("winner-seed-1002", 1002),
        ("default-seed-1002", 1002),
    ]


@pytest.mark.parametrize("below", [0, 1, 999, 1001])
def test_fresh_seeds_are_valid_and_differ_near_the_top_of_the_range(below):
    _, most = HYPERPARAMETERS["seed"].accepted
    seeds = [config.seed for _, config in over_seeds({"winner": Config(seed=most - below)}, 5)]
    assert len(set(seeds)) == 5
    assert all(0 <= seed <= most for seed in seeds)
    assert most - below not in seeds


def test_finished_runs_are_those_of_the_phase_that_came_to_an_end():
    runs = [run(n, 0.5, phase=CONFIRM, state=state) for n, state in enumerate(("complete", "pruned", "diverged"))]
    others = [run(7, 0.5), run(8, 0.5, phase=CONFIRM, state="failed"), run(9, 0.5, phase=CONFIRM, state="interrupted")]
    assert finished([*runs, *others], CONFIRM) == runs


def test_a_run_s_configuration_is_read_back_from_its_parameters():
    (entry,) = [run(0, 0.5, lr=0.3, seed=7)]
    assert from_params(entry.params) == Config(lr=0.3, seed=7)


def test_a_store_that_fails_while_a_network_is_read_is_not_taken_for_a_damaged_file(tmp_path, monkeypatch):
    def fails(*_):
        raise StoreError("no answer")

    monkeypatch.setattr(Tracker, "download", fails)
    with pytest.raises(StoreError, match="no answer"):
        trained_by(Tracker(store_of(tmp_path), "study"), "run")


def test_the_gain_pairs_equal_seeds():
    winner = [run(seed, 0, phase="confirm", test=0.9 + seed / 100, lr=0.2, seed=seed) for seed in (2, 0, 1)]
    default = [run(seed, 0, phase="confirm", test=0.8 + seed / 100, seed=seed) for seed in (0, 1, 7)]
    default.append(run(8, 0, phase="confirm", test=0.1, seed=1, state="interrupted"))  # its test came, its end did not
    roles = {"winner": Config(lr=0.2), "default": Config()}
    by_role = confirmed([*winner, *default], roles, ACCURACY)
    assert [entry.params["seed"] for entry in by_role["winner"]] == ["0", "1", "2"]
    difference = gain(by_role["winner"], by_role["default"], ACCURACY)
    assert (round(difference.mean, 12), difference.n) == (0.1, 2)
    assert round(mean_test_accuracy(by_role["winner"]).mean, 12) == 0.91
