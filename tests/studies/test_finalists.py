from dataclasses import replace

from study.core.config import Config
from study.outputs.names import COMPLETE
from study.search.storage import open_storage
from study.studies.finalists import ConfirmQueue, confirmed, finalists, ranking
from study.studies.summary import gain, test_accuracy
from study.tracking.tracker import Run

mean_test_accuracy = test_accuracy  # pytest would take the imported name for a test
del test_accuracy


def run(trial, objective, loss=1.0, phase="explore", state="complete", test=None, **fields):
    config = Config(**fields)
    params = {"dataset": config.dataset, "model": config.model, **config.hyperparameters()}
    metrics = {"objective": objective, "final_val_loss": loss} | ({} if test is None else {"test/accuracy": test})
    tags = {"phase": phase, "trial": str(trial), "state": state}
    return Run(f"id{trial}", f"run{trial}", "FINISHED", {k: str(v) for k, v in params.items()}, metrics, tags)


def test_the_ranking_is_by_accuracy_then_loss_then_number_and_leaves_out_what_is_not_complete():
    runs = [
        run(0, 0.9, loss=0.5),
        run(1, 0.95, loss=0.4, phase="search"),
        run(2, 0.95, loss=0.3),
        run(3, 0.95, loss=0.3),
        run(4, 0.99, state="pruned"),
        run(5, 0.99, state="diverged"),
        run(6, 0.99, phase="confirm"),
        Run("x", "someone else's", "FINISHED", {}, {}, {}),
    ]
    assert [entry.tags["trial"] for entry in ranking(runs)] == ["2", "3", "1", "0"]


def test_finalists_are_winner_runner_up_and_default():
    runs = [run(0, 0.9, lr=0.1), run(1, 0.95, lr=0.2), run(2, 0.8, lr=0.3)]
    assert finalists(runs, Config()) == {
        "winner": Config(lr=0.2),
        "runner-up": Config(lr=0.1),
        "default": Config(),
    }


def test_one_configuration_under_two_seeds_is_one_finalist_and_a_winning_default_stands_once():
    runs = [run(0, 0.9), run(1, 0.95, seed=3), run(2, 0.8, lr=0.3)]
    assert finalists(runs, Config()) == {"winner": Config(), "runner-up": Config(lr=0.3)}
    assert finalists([], Config()) == {}
    assert finalists([run(0, 0.9, lr=0.1)], Config()) == {"winner": Config(lr=0.1), "default": Config()}


def test_every_finalist_gets_the_same_fresh_seeds_and_more_seeds_add_to_them(tmp_path):
    roles = {"winner": Config(lr=0.2), "default": Config()}
    for seeds, new in ((2, 4), (3, 2)):
        queue = ConfirmQueue(open_storage(f"sqlite:///{tmp_path}/optuna.db"), "s")
        queue.want(roles, seeds)
        claims = []
        while (claim := queue.claim()) is not None:
            claims.append(claim)
            queue.finish(claim, COMPLETE, 0.9)
        assert len(claims) == new
    jobs = queue.jobs()
    seeds = {role: [job["config"]["seed"] for job in jobs if job["role"] == role] for role in roles}
    assert seeds["winner"] == seeds["default"] == [1000, 1001, 1002]
    assert {claim.phase for claim in claims} == {"confirm"}
    assert claims[0].config == replace(roles["winner"], seed=1002)


def test_the_gain_pairs_equal_seeds():
    winner = [run(seed, 0, phase="confirm", test=0.9 + seed / 100, lr=0.2, seed=seed) for seed in (2, 0, 1)]
    default = [run(seed, 0, phase="confirm", test=0.8 + seed / 100, seed=seed) for seed in (0, 1, 7)]
    default.append(run(8, 0, phase="confirm", test=0.1, seed=1, state="interrupted"))  # its test came, its end did not
    roles = {"winner": Config(lr=0.2), "default": Config()}
    by_role = confirmed([*winner, *default], roles)
    assert [entry.params["seed"] for entry in by_role["winner"]] == ["0", "1", "2"]
    difference = gain(by_role["winner"], by_role["default"])
    assert (round(difference.mean, 12), difference.n) == (0.1, 2)
    assert round(mean_test_accuracy(by_role["winner"]).mean, 12) == 0.91
