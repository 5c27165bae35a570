"""Which trial is next, which are pruned, and that neither depends on whether the study was restarted."""

import random

import optuna
import pytest

from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, EXPLORE, FAILED, INTERRUPTED, PRUNED, SEARCH
from hyperstudy.study.search.design import explore_design
from hyperstudy.study.search.samplers import PRUNERS
from tests.search.playing import make_trials, objective, play, record

GOOD, BAD = [0.5, 0.8, 0.9, 0.95, 0.96, 0.97], [0.1, 0.11, 0.1, 0.12, 0.1, 0.1]
EPOCHS = str(len(GOOD))


def draw(trials, slot, curve):
    """Report a trial's curve until it is pruned, and end it; the epochs that it had, and its state."""
    for epoch, accuracy in enumerate(curve, start=1):
        if trials.report(slot, epoch, accuracy):
            trials.end(slot, PRUNED, accuracy)
            return curve[:epoch], PRUNED
    trials.end(slot, COMPLETE, curve[-1])
    return curve, COMPLETE


def states(trials, curves):
    return [draw(trials, trials.next(), curve)[1] for curve in curves]


@pytest.mark.parametrize("pruner", sorted(set(PRUNERS) - {"none"}))
def test_a_bad_curve_among_good_ones_is_pruned(pruner):
    trials = make_trials([48], pruner=pruner, epochs=EPOCHS)
    assert states(trials, [GOOD] * 32) == [COMPLETE] * 32, "designed"
    assert states(trials, [GOOD] * 8).count(COMPLETE) >= 4
    assert states(trials, [BAD] * 8).count(PRUNED) >= (3 if pruner == "hyperband" else 6)  # a bracket runs to the end


@pytest.mark.parametrize("pruner", PRUNERS)
def test_a_designed_trial_is_never_pruned(pruner):
    trials = make_trials([48], pruner=pruner, epochs=EPOCHS)
    assert states(trials, [GOOD] * 16 + [BAD] * 16) == [COMPLETE] * 32


def test_without_a_pruner_nothing_is_pruned():
    trials = make_trials([24], pruner="none", epochs=EPOCHS)
    assert states(trials, [GOOD] * 20 + [BAD] * 4) == [COMPLETE] * 24


@pytest.mark.parametrize("pruner", sorted(set(PRUNERS) - {"none"}))
def test_the_verdict_is_optuna_s_own(pruner):
    """The same curves through an Optuna study with its pruner, as its documentation shows it."""
    trials = make_trials([24], pruner=pruner, epochs=EPOCHS)
    study = optuna.create_study(study_name="study", direction="maximize", pruner=PRUNERS[pruner](len(GOOD)))
    found, expected = [], []
    for number in range(24):
        curve = [accuracy - 0.03 * (number % 5) for accuracy in GOOD]
        slot, trial, pruned = trials.next(), study.ask(), False
        for epoch, accuracy in enumerate(curve, start=1):
            trial.report(accuracy, epoch)
            if number >= 16 and epoch < len(curve) and trial.should_prune():
                pruned = True
                break
        study.tell(trial, state=optuna.trial.TrialState.PRUNED) if pruned else study.tell(trial, curve[-1])
        expected.append((curve[:epoch], PRUNED if pruned else COMPLETE))
        found.append(draw(trials, slot, curve))
    assert found == expected
    assert PRUNED in [state for _, state in found]


@pytest.mark.parametrize("pruner", PRUNERS)
def test_the_verdicts_after_restarts_are_those_without(pruner):
    def verdicts(restart):
        trials, done = make_trials([24], pruner=pruner, epochs=EPOCHS), []
        for number in range(24):
            if restart:
                trials = make_trials([24], pruner=pruner, done=done, epochs=EPOCHS)
            slot = trials.next()
            curve, state = draw(trials, slot, [accuracy - 0.02 * (number % 7) for accuracy in GOOD])
            done.append(record(slot, curve, state))
        return done

    whole = verdicts(restart=False)
    assert verdicts(restart=True) == whole
    assert (PRUNED in [row.state for row in whole]) == (pruner != "none")


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_a_new_process_judges_by_the_trials_of_the_one_before(pruner):
    trials, done = make_trials([48], pruner=pruner, epochs=EPOCHS), []
    for _ in range(40):
        slot = trials.next()
        done.append(record(slot, *draw(trials, slot, GOOD)))
    fresh = make_trials([48], pruner=pruner, done=done, epochs=EPOCHS)
    assert states(fresh, [BAD]) == [PRUNED]


def test_a_trial_is_not_pruned_after_its_last_epoch():
    trials = make_trials([12], pruner="median", epochs="3")
    for _ in range(8):
        draw(trials, trials.next(), GOOD[:3])
    slot = trials.next()
    assert trials.report(slot, 2, 0.0)
    assert not trials.report(slot, 3, 0.0)


@pytest.mark.parametrize("number", [2, 9], ids=[EXPLORE, SEARCH])
def test_a_lost_trial_comes_again_with_the_same_configuration(number):
    """Also when the sampler would draw another one, since more is known by then."""
    trials = make_trials([12])
    for _ in range(number):
        slot = trials.next()
        trials.end(slot, COMPLETE, objective(slot.config))
    lost, other = trials.next(2), trials.next(2)
    trials.report(lost, 1, 0.5)
    trials.end(other, COMPLETE, 1.0)
    trials.again(lost)
    again = trials.next(2)
    assert again == lost
    assert trials.finished == number + 1
    assert not trials.report(again, 1, 0.5)
    trials.end(again, COMPLETE, objective(again.config))
    assert [slot.number for slot in play(trials)] == list(range(number + 2, 12))
    assert trials.finished == 12


def test_two_lost_trials_come_again_each_as_itself():
    trials = make_trials([12])
    first, second = trials.next(), trials.next()
    for slot in (first, second):
        trials.again(slot)
    assert {slot.number: slot.config for slot in (trials.next(), trials.next())} == {
        0: first.config,
        1: second.config,
    }


@pytest.mark.parametrize("state", [FAILED, INTERRUPTED])
def test_a_trial_without_an_objective_is_not_finished_and_waits_for_the_next_command(state):
    trials = make_trials([3])
    slots = [trials.next(workers=3) for _ in range(3)]
    trials.end(slots[1], state, None)
    for slot in (slots[0], slots[2]):
        trials.end(slot, COMPLETE, 0.5)
    assert (trials.finished, trials.next()) == (2, None)
    restarted = make_trials([3], done=[record(slot, [0.5]) for slot in (slots[0], slots[2])])
    assert (restarted.finished, restarted.total) == (2, 3)
    assert restarted.next() == slots[1]


def played(workers, seed, pruner="median", sampler="tpe", cut=0):
    """What became of each trial of a study whose trials end in a random order, and after a restart if it is cut."""
    order, ended = random.Random(seed), {}

    def curve(config):
        return [objective(config) * (1 + config.depth / epoch) for epoch in range(1, len(GOOD) + 1)]

    def watched(targets=(32,), done=()):
        trials = make_trials(targets, sampler, pruner, done, epochs=EPOCHS)
        end = trials.end

        def noted(slot, state, value):
            end(slot, state, value)
            epochs = curve(slot.config)
            ended[slot.number] = record(slot, epochs[: epochs.index(value) + 1], state)
            if len(ended) == cut:
                raise KeyboardInterrupt

        trials.end = noted
        return trials

    try:
        play(watched(), workers, curve, order)
    except KeyboardInterrupt:
        play(watched(done=list(ended.values())), workers, curve, order)
    return [ended[number] for number in range(32)]


@pytest.mark.parametrize(("pruner", "sampler"), [("median", "tpe"), ("halving", "tpe"), ("none", "cmaes")])
def test_the_trials_do_not_depend_on_which_ends_first(pruner, sampler):
    first, *others = (played(3, seed, pruner, sampler) for seed in range(3))
    assert all(other == first for other in others)
    assert (PRUNED in [row.state for row in first]) == (pruner != "none")


@pytest.mark.parametrize("cut", [5, 18, 25])
def test_nor_on_a_restart_while_several_are_under_way(cut):
    assert played(3, 7, cut=cut) == played(3, 8)


def test_an_interrupted_search_is_sampled_again_from_the_same_history():
    trials = make_trials([12])
    done = []
    for _ in range(9):
        slot = trials.next()
        trials.end(slot, COMPLETE, objective(slot.config))
        done.append(record(slot, [objective(slot.config)]))
    interrupted = trials.next()
    assert make_trials([12], done=done).next() == interrupted


def test_a_diverged_trial_is_told_as_its_objective():
    """The sampler learns from it; a study in which every trial diverges goes on."""
    trials = make_trials([12], pruner="median", epochs=EPOCHS)
    for slot in iter(trials.next, None):
        trials.report(slot, 1, 0.1)
        trials.end(slot, DIVERGED, 0.1)
    assert trials.finished == 12
    known = trials.study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert [trial.value for trial in known] == [0.1] * 11, "of the last one no other trial could learn"


def test_the_best_of_a_history_attracts_the_sampler():
    """A finished trial counts for the next one at once, though it is recorded later."""
    following = []
    for best in (0.9, 0.1):
        trials = make_trials([12])
        for number in range(8):
            trials.end(trials.next(), COMPLETE, best if number == 4 else 0.5)
        following.append(trials.next().config)
    assert following[0] != following[1]


def test_a_study_that_grows_keeps_its_trials_and_goes_on_with_the_design():
    first = play(make_trials([6]))
    trials = make_trials([6, 12], done=[record(slot, [objective(slot.config)]) for slot in first])
    assert (trials.finished, trials.total) == (6, 12)
    more = play(trials)
    assert [slot.tags["phase"] for slot in more] == [EXPLORE] * 4 + [SEARCH] * 2
    design = explore_design(trials.plan.space, 8, 0)
    explored = [slot.config for slot in [*first[:4], *more[:4]]]
    assert [{name: getattr(config, name) for name in design[0]} for config in explored] == design


def test_a_slot_names_its_run_and_tags_it():
    slots = play(make_trials([6]))
    assert [slot.name for slot in slots[3:5]] == ["explore-003", "search-004"]
    assert slots[4].tags == {"phase": SEARCH, "trial": "4"}
