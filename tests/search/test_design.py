import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import qmc

from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.outputs.names import EXPLORE, SEARCH
from hyperstudy.study.search.design import design_point, explore_design, explore_size, grid, schedule

SPACE = {
    "lr": Range(1e-5, 1e-1, log=True),
    "batch_size": Range(16, 256, log=True),
    "depth": Range(1, 4),
    "activation": Choice(("relu", "gelu", "tanh", "sigmoid")),
}


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
def test_a_growing_study_keeps_its_slots_and_reaches_its_size(targets):
    slots = schedule(targets)
    assert len(slots) == targets[-1]
    assert slots[: targets[0]] == schedule(targets[:1])
    for phase in (EXPLORE, SEARCH):
        indices = [index for other, index in slots if other == phase]
        assert indices == list(range(len(indices)))
    assert sum(phase == EXPLORE for phase, _ in slots) <= explore_size(targets[-1])


def test_fifty_trials_explore_32_then_search():
    assert [phase for phase, _ in schedule([50])] == [EXPLORE] * 32 + [SEARCH] * 18


def test_a_grid_is_as_fine_as_the_trials_allow():
    assert len(grid({"lr": Range(1e-4, 1e-1, log=True)}, 7)) == 7
    assert len(grid({"lr": Range(0.0, 1.0), "depth": Range(1, 2)}, 9)) == 8
    assert len(grid(SPACE, 3)) == 2 * 2 * 2 * 4


@given(st.integers(0, 300))
def test_one_point_is_that_of_the_whole_design(index):
    assert design_point(SPACE, index, 3) == explore_design(SPACE, index + 1, 3)[-1]
