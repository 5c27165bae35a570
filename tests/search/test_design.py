import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna import samplers
from scipy.stats import qmc

from study.core.domains import Choice, Range
from study.core.errors import InputError
from study.core.plan import make_plan
from study.outputs.names import COMPLETE, EXPLORE, SEARCH
from study.search.design import SAMPLERS, SearchQueue, explore_design, explore_size, grid, schedule
from study.search.pruners import PRUNERS
from study.search.storage import open_storage

SPACE = {
    "lr": Range(1e-5, 1e-1, log=True),
    "batch_size": Range(16, 256, log=True),
    "depth": Range(1, 4),
    "activation": Choice(("relu", "gelu", "tanh", "sigmoid")),
}


def make_queue(folder, trials=12, sampler="tpe", pruner="none", name="s", **given):
    storage = open_storage(f"sqlite:///{folder}/optuna.db")
    queue = SearchQueue(storage, name, make_plan("digits", "mlp", given), sampler, pruner)
    queue.want(trials)
    return queue


def finish_all(queue, objective=lambda config: -abs(math.log10(config.lr) + 2.5), workers=1):
    """Claim and finish until nothing is left, with a trial per worker under way; the claims in order."""
    claims, running = [], []
    while (claim := queue.claim()) is not None or running:
        if claim is not None:
            claims.append(claim)
            running.append(claim)
            queue.report(claim, 1, objective(claim.config))
        if claim is None or len(running) == workers:
            first = running.pop(0)
            queue.finish(first, COMPLETE, objective(first.config))
    return claims


@pytest.mark.parametrize(
    ("trials", "size"), [(1, 1), (2, 1), (3, 2), (6, 4), (12, 8), (48, 32), (50, 32), (95, 32), (96, 64)]
)
def test_the_design_is_the_largest_power_of_two_within_two_thirds(trials, size):
    assert explore_size(trials) == size


def test_the_design_is_scipy_s_scrambled_sobol_sequence_on_each_hyperparameter_s_scale():
    points = explore_design(SPACE, 32, seed=5)
    u = qmc.Sobol(4, scramble=True, rng=5).random(32)
    np.testing.assert_allclose([p["lr"] for p in points], 10 ** (-5 + 4 * u[:, 0]), rtol=1e-9)
    assert [p["depth"] for p in points] == [1 + math.floor(4 * x) for x in u[:, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_the_design_is_balanced(seed):
    points = explore_design(SPACE, 32, seed)
    assert set(Counter(p["depth"] for p in points).values()) == {8}
    assert set(Counter(p["activation"] for p in points).values()) == {8}
    decades = Counter(math.floor(math.log10(p["lr"])) for p in points)
    assert set(decades.values()) == {8}


def test_a_longer_design_starts_with_the_shorter_and_another_seed_gives_another():
    assert explore_design(SPACE, 64, 0)[:32] == explore_design(SPACE, 32, 0)
    assert explore_design(SPACE, 32, 0) != explore_design(SPACE, 32, 1)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=4, unique=True).map(sorted))
def test_a_growing_study_keeps_what_it_has_and_reaches_its_size(targets):
    slots = schedule(targets)
    assert len(slots) == targets[-1]
    assert slots[: targets[0]] == schedule(targets[:1])
    for phase in (EXPLORE, SEARCH):
        indices = [index for other, index in slots if other == phase]
        assert indices == list(range(len(indices)))
    assert sum(phase == EXPLORE for phase, _ in slots) <= explore_size(targets[-1])


def test_fifty_trials_explore_32_then_search():
    assert [phase for phase, _ in schedule([50])] == [EXPLORE] * 32 + [SEARCH] * 18


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_sampler_with_every_pruner_fills_a_study_within_the_space(sampler, pruner, tmp_path):
    queue = make_queue(tmp_path, 14, sampler, pruner)
    claims = finish_all(queue)
    assert [claim.slot for claim in claims] == list(range(14))
    assert [claim.phase for claim in claims] == [EXPLORE] * 8 + [SEARCH] * 6
    for claim in claims:
        for name, space in queue.plan.space.items():
            value = getattr(claim.config, name)
            assert value in space.options if isinstance(space, Choice) else space.low <= value <= space.high
    design = explore_design(queue.plan.space, 8, 0)
    assert [{name: getattr(claim.config, name) for name in design[0]} for claim in claims[:8]] == design
    assert queue.finished() == 14
    assert queue.settled()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_restart_does_not_change_what_is_sampled(sampler, tmp_path):
    """Trial by trial in a new process of its own, the study comes out as in one go."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    whole = [claim.config for claim in finish_all(make_queue(tmp_path / "a", sampler=sampler))]
    pieces = []
    for _ in range(12):
        queue = make_queue(tmp_path / "b", sampler=sampler)
        claim = queue.claim()
        queue.finish(claim, COMPLETE, -abs(math.log10(claim.config.lr) + 2.5))
        pieces.append(claim.config)
    assert pieces == whole


@pytest.mark.parametrize("workers", [1, 3])
def test_told_the_space_tpe_samples_what_it_would_have_gathered_it_for(workers, tmp_path, monkeypatch):
    (tmp_path / "ours").mkdir(), (tmp_path / "optuna").mkdir()
    ours = [claim.config for claim in finish_all(make_queue(tmp_path / "ours"), workers=workers)]
    optuna = {"tpe": lambda draw: samplers.TPESampler(seed=draw.seed, n_startup_trials=0)}
    monkeypatch.setattr("study.search.SAMPLERS", optuna)
    theirs = [claim.config for claim in finish_all(make_queue(tmp_path / "optuna"), workers=workers)]
    assert ours == theirs


@pytest.mark.parametrize("sampler", ["tpe", "gp"])  # cmaes needs more generations than 16 trials hold
def test_an_adaptive_sampler_comes_closer_to_the_optimum_than_the_design(sampler, tmp_path):
    claims = finish_all(make_queue(tmp_path, 48, sampler))
    distance = [abs(math.log10(claim.config.lr) + 2.5) for claim in claims]
    assert np.median(distance[32:]) < 0.5 * np.median(distance[:32])


def test_a_grid_visits_each_of_its_points_once(tmp_path):
    queue = make_queue(tmp_path, 12, "grid", lr="1e-3,1e-2", batch_size="32", depth="1,2", activation="relu")
    searched = [claim.config for claim in finish_all(queue) if claim.phase == SEARCH]
    assert len(searched) == 4
    assert {(config.lr, config.depth) for config in searched} == {(1e-3, 1), (1e-3, 2), (1e-2, 1), (1e-2, 2)}


def test_a_grid_is_as_fine_as_the_trials_allow():
    assert len(grid({"lr": Range(1e-4, 1e-1, log=True)}, 7)) == 7
    assert len(grid({"lr": Range(0.0, 1.0), "depth": Range(1, 2)}, 9)) == 8
    assert len(grid(SPACE, 3)) == 2 * 2 * 2 * 4


def test_a_study_grows_but_never_shrinks(tmp_path):
    first = [claim.config for claim in finish_all(make_queue(tmp_path, 6))]
    queue = make_queue(tmp_path, 12)
    more = finish_all(queue)
    assert queue.finished() == 12
    assert [claim.phase for claim in more] == [EXPLORE] * 4 + [SEARCH] * 2
    design = explore_design(queue.plan.space, 8, 0)
    explored = [*first[:4], *(claim.config for claim in more[:4])]
    assert [{name: getattr(config, name) for name in design[0]} for config in explored] == design
    with pytest.raises(InputError, match="already has 12 trials, and can only grow; got 5"):
        make_queue(tmp_path, 5)
