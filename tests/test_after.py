"""A study that goes on from an earlier one in another space: `--after`."""

import json

import pytest

from hyperstudy.study.core.params import from_params
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.run import main
from hyperstudy.study.search.trials import Trials
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.tracking.tracker import Tracker
from tests.conftest import copy_study, here, in_phase, store_of, trial_runs

NARROWER = ("--lr", "1e-4:1e-1", "--batch-size", "16:64", "--depth", "1:4", "--activation", "relu,gelu,tanh,sigmoid")
AFTER = ("--study", "next", "--after", "digits-cnn", "--trials", "6", "--epochs", "2", "--confirm-seeds", "2")


@pytest.fixture(scope="module")
def continued(finished_study, tmp_path_factory):
    """The folder of a study of six trials, and of one that goes on from it in a narrower space."""
    folder = tmp_path_factory.mktemp("after")
    copy_study(finished_study / "mlruns", folder / "mlruns")
    done = here(main, folder, *AFTER, *NARROWER, "--workers", "1")
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_the_earlier_study_s_trials_that_lie_inside_inform_the_search(continued, finished_study):
    _, said = continued
    plan = make_plan("digits", "cnn", {"lr": "1e-4:1e-1", "batch_size": "16:64"})
    runs = in_phase(trial_runs(finished_study), "explore", "search")
    inside = [
        run
        for run in runs
        if run.state != "pruned" and all(getattr(from_params(run.params), n) in d for n, d in plan.space.items())
    ]
    assert f"{len(inside)} of 6 trials of digits-cnn lie in this space and inform the search" in said
    assert 0 < len(inside) < 6


def test_the_search_is_another_and_the_design_the_same_as_without_it(continued):
    folder, _ = continued
    alone = here(main, folder, "--study", "alone", *AFTER[4:], *NARROWER, "--workers", "1")
    assert alone.returncode == 0, alone.stderr

    def tried(study, phase):
        return {run.tags["trial"]: run.params for run in in_phase(trial_runs(folder, study), phase)}

    assert tried("next", "explore") == tried("alone", "explore")
    assert tried("next", "search") != tried("alone", "search")


def test_its_winner_is_a_finalist_at_the_values_that_this_study_fixes(continued):
    folder, _ = continued
    before, now = (json.loads(Tracker(store_of(folder), name).tags()[FINALISTS]) for name in ("digits-cnn", "next"))
    assert before["winner"] in now.values()


def test_designed_trials_are_the_same_with_and_without_it_and_searched_ones_are_not():
    plan = make_plan("digits", "mlp", {})
    told = [({"lr": 0.002, "batch_size": 32, "depth": 2, "activation": "tanh"}, 0.9)] * 8

    def played(told):
        trials = Trials(plan, "tpe", "none", [12], [], told=told)
        configs = []
        while (slot := trials.next()) is not None:
            configs.append(slot.config)
            trials.end(slot, "complete", 0.5)
        return configs

    with_it, without = played(told), played(())
    assert with_it[:8] == without[:8]
    assert with_it[8:] != without[8:]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--after", "digits"), "got 'digits' (did you mean 'digits-cnn'?)"),
        (("--after", "next"), "--after must name another study; got the name of this one, 'next'"),
        (("--after", "digits-cnn", "--model", "mlp"), "has another model, so nothing carries over: it must be 'mlp'"),
        (("--after", "digits-cnn", "--objective", "loss"), "another objective than val/loss; got val/accuracy"),
        ((), "exists with other settings: after digits-cnn (now none)"),
        (("--objective", "accurcy"), "objective must be one of"),
    ],
)
def test_what_does_not_carry_over_is_refused_in_one_line(words, line, continued):
    folder, _ = continued
    study = ("--study", "next") if not words or words[1] == "next" else ("--study", "other")
    done = here(main, folder, *study, *words, "--trials", "6", "--epochs", "2", *(() if words else NARROWER))
    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1
