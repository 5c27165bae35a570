"""Every sampler through a whole study of known objective."""

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import EXPLORE, SEARCH
from hyperstudy.study.search.design import explore_design
from hyperstudy.study.search.samplers import PRUNERS, SAMPLERS, distribution, seed_of
from tests.search.playing import make_trials, objective, play, record

STATEFUL = {"cmaes"}  # Optuna keeps its state with its own trials, which runs do not hold: 9 of 48 trials then differ


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("pruner", PRUNERS)
def test_every_sampler_with_every_pruner_fills_a_study_within_the_space(sampler, pruner):
    trials = make_trials([14], sampler, pruner)
    slots = play(trials)
    assert [slot.number for slot in slots] == list(range(14))
    assert [slot.tags["phase"] for slot in slots] == [EXPLORE] * 8 + [SEARCH] * 6
    assert [slot.prunable for slot in slots] == [False] * 8 + [True] * 6
    for slot in slots:
        for name, domain in trials.plan.space.items():
            assert getattr(slot.config, name) in domain
    design = explore_design(trials.plan.space, 8, 0)
    assert [{name: getattr(slot.config, name) for name in design[0]} for slot in slots[:8]] == design
    assert trials.finished == trials.total == 14
    assert trials.next() is None


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - STATEFUL))
def test_a_restart_after_every_trial_does_not_change_what_is_sampled(sampler):
    whole = [slot.config for slot in play(make_trials(sampler=sampler))]
    done = []
    for _ in whole:
        slot = make_trials(sampler=sampler, done=done).next()
        done.append(record(slot, [objective(slot.config)]))
    assert [make_plan("digits", "mlp", {}).config(row.params) for row in done] == whole


@pytest.mark.parametrize("sampler", sorted(STATEFUL))
def test_a_sampler_with_state_goes_on_after_a_restart(sampler):
    """From the design again, within the space."""
    done = [record(slot, [objective(slot.config)]) for slot in play(make_trials(sampler=sampler))]
    trials = make_trials([12, 20], sampler, done=done)
    more = play(trials)
    assert [slot.number for slot in more] == list(range(12, 20))
    assert all(getattr(slot.config, name) in domain for slot in more for name, domain in trials.plan.space.items())


@pytest.mark.parametrize(("workers", "unknown"), [(1, 1), (3, 6)])
def test_tpe_samples_what_optuna_s_own_study_samples(workers, unknown):
    """The same objective through `optuna.Study.ask` and `tell` alone, with a sampler per trial. The last ones are told
    late."""
    trials = make_trials([20])
    ours = [slot.config for slot in play(trials, workers)]
    space = {name: distribution(domain) for name, domain in trials.plan.space.items()}
    study, running, theirs = optuna.create_study(direction="maximize"), [], []
    for number, point in enumerate([*explore_design(trials.plan.space, 8, 0), *[None] * 12]):
        study.sampler = optuna.samplers.TPESampler(seed=seed_of(0, number), n_startup_trials=0)
        if point:
            study.enqueue_trial(point)
        trial = study.ask(space)
        theirs.append(trials.plan.config(trial.params))
        running.append(trial)
        if len(running) == unknown:
            first = running.pop(0)
            study.tell(first, objective(trials.plan.config(first.params)))
    assert ours == theirs


@pytest.mark.parametrize("sampler", ["tpe", "gp"])  # cmaes needs more generations than 16 trials hold
def test_an_adaptive_sampler_comes_closer_to_the_optimum_than_the_design(sampler):
    distance = [abs(math.log10(slot.config.lr) + 2.5) for slot in play(make_trials([48], sampler))]
    assert np.median(distance[32:]) < 0.5 * np.median(distance[:32])


def test_a_grid_visits_each_of_its_points_once():
    trials = make_trials([12], "grid", lr="1e-3,1e-2", batch_size="32", depth="1,2", activation="relu")
    searched = [slot.config for slot in play(trials) if slot.prunable]
    assert len(searched) == 4
    assert {(config.lr, config.depth) for config in searched} == {(1e-3, 1), (1e-3, 2), (1e-2, 1), (1e-2, 2)}


def test_a_domain_in_optuna_s_terms_has_the_same_ends_and_scale():
    assert distribution(Range(1e-5, 1e-1, log=True)) == FloatDistribution(1e-5, 1e-1, log=True)
    assert distribution(Range(0.0, 0.5)) == FloatDistribution(0.0, 0.5)
    assert distribution(Range(16, 256, log=True)) == IntDistribution(16, 256, log=True)
    assert distribution(Choice(("relu", "tanh"))) == CategoricalDistribution(("relu", "tanh"))


def test_seeds_differ_with_every_number():
    assert len({seed_of(a, b) for a in range(20) for b in range(20)}) == 400
