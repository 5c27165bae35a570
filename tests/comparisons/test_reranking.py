"""Which configurations are re-ranked, over which seeds, and what comes of it."""

from hyperstudy.study.comparisons.finalists import ranking
from hyperstudy.study.comparisons.reranking import FIRST_SEED, SEEDS, candidates, elected, fresh, kept
from hyperstudy.study.core.config import Config
from hyperstudy.study.outputs.names import RERANK
from hyperstudy.study.outputs.objective import ACCURACY
from tests.comparisons.test_finalists import run

BASE = Config()
LEFT = {"candidate-1": Config(lr=0.1), "candidate-2": Config(lr=0.2), "default": BASE}


def reranked(config, *objectives, **fields):
    return [
        run(0, value, phase=RERANK, **{**config.hyperparameters(), "seed": FIRST_SEED + index}, **fields)
        for index, value in enumerate(objectives)
    ]


def test_candidates_are_the_best_of_the_search_each_once_and_never_the_default():
    runs = [run(n, 0.9 - n / 100, lr=lr) for n, lr in enumerate([0.5, 0.001, 0.4, 0.3, 0.2, 0.1])]
    runs.append(run(9, 0.95, lr=0.3, seed=3))
    found = candidates(runs, BASE, ACCURACY)
    assert found == {f"candidate-{n}": Config(lr=lr) for n, lr in enumerate([0.3, 0.5, 0.4, 0.2], start=1)}
    assert list(candidates(runs, BASE, ACCURACY, 2)) == ["candidate-1", "candidate-2"]
    assert candidates([run(0, 0.9)], BASE, ACCURACY) == {}


def test_another_order_gives_other_candidates():
    runs = [run(n, 0.9 - n / 100, lr=lr) for n, lr in enumerate([0.5, 0.4, 0.3])]
    found = candidates(runs, BASE, ACCURACY, 2, lambda *of: ranking(*of)[::-1])
    assert [config.lr for config in found.values()] == [0.3, 0.4]


def test_only_finished_runs_of_the_re_ranking_with_their_seeds_count():
    runs = [
        *reranked(LEFT["candidate-1"], 0.9, 0.8, 0.7),
        *reranked(LEFT["candidate-2"], 0.9),
        *reranked(BASE, 0.6, 0.1, state="diverged"),
        run(1, 0.99, phase="confirm", lr=0.2, seed=FIRST_SEED + 1),
        run(2, 0.99, phase=RERANK, lr=0.2, seed=FIRST_SEED + 1, state="failed"),
    ]
    assert fresh(runs, LEFT, 3, ACCURACY) == {"candidate-1": [0.9, 0.8, 0.7]}
    assert fresh(runs, LEFT, 2, ACCURACY) == {"candidate-1": [0.9, 0.8], "default": [0.6, 0.1]}
    assert set(fresh(runs, LEFT, 1, ACCURACY)) == set(LEFT)


def test_the_better_half_of_the_candidates_goes_on_with_the_default():
    entered = {f"candidate-{n}": Config(lr=n / 10) for n in range(1, 5)} | {"default": BASE}
    firsts = dict(zip(entered, (0.5, 0.8, 0.7, 0.8, 0.1), strict=True))
    runs = [entry for name, value in firsts.items() for entry in reranked(entered[name], value)]
    assert list(kept(runs, entered, ACCURACY)) == ["candidate-2", "candidate-4", "default"]
    assert list(kept([], entered, ACCURACY)) == ["default"]


def test_finalists_are_winner_runner_up_and_default():
    runs = [*reranked(LEFT["candidate-1"], 0.5, 0.6, 0.5), *reranked(LEFT["candidate-2"], 0.8, 0.9, 0.8)]
    runs += reranked(BASE, 0.6, 0.6, 0.6)
    choice, roles = elected(runs, LEFT, ACCURACY)
    assert roles == {"winner": Config(lr=0.2), "runner-up": Config(lr=0.1), "default": BASE}
    assert choice.seeds == SEEDS


def test_a_default_that_wins_is_the_winner_alone():
    runs = [entry for config in LEFT.values() for entry in reranked(config, 0.6, 0.6, 0.6)]
    _, roles = elected(runs, LEFT, ACCURACY)
    assert roles == {"winner": BASE, "runner-up": Config(lr=0.1)}
    _, alone = elected([], {"default": BASE}, ACCURACY)
    assert alone == {"winner": BASE}


def test_the_seeds_that_choose_do_not_testify():
    from hyperstudy.study.comparisons.finalists import over_seeds

    choosing = {config.seed for _, config in over_seeds(LEFT, SEEDS, FIRST_SEED)}
    testifying = {config.seed for _, config in over_seeds(LEFT, 400)}
    assert len(choosing) == SEEDS
    assert not choosing & testifying
    assert BASE.replace().seed not in choosing | testifying
