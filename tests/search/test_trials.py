import numpy as np
import optuna
import pytest
from optuna.samplers._tpe import _truncnorm
from optuna.trial import TrialState, create_trial
from scipy.special import log_ndtr

from study.outputs.names import COMPLETE, INTERRUPTED, PRUNED, SEARCH
from study.search.memory import Memory
from study.search.pruners import PRUNERS
from tests.test_search import make_queue

GOOD, BAD = [0.5, 0.8, 0.9, 0.95, 0.96, 0.97], [0.1, 0.11, 0.1, 0.12, 0.1, 0.1]


def draw(memory, number, curve):
    """Report a new trial's curve until the pruner gives it up; after how many epochs it did, or None."""
    memory.add(running(number))
    for epoch, accuracy in enumerate(curve, start=1):
        memory.report(number, epoch, accuracy)
        if memory.should_prune(number):
            memory.end(number, TrialState.PRUNED, [accuracy])
            return epoch
    memory.end(number, TrialState.COMPLETE, [curve[-1]])
    return None


def running(number):
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = number
    return trial


@pytest.mark.parametrize("pruner", set(PRUNERS) - {"none"})
def test_a_bad_curve_among_good_ones_is_given_up(pruner):
    memory = Memory(PRUNERS[pruner](9))
    assert [draw(memory, number, GOOD + [0.97] * 3) for number in range(8)].count(None) >= 4
    pruned = [draw(memory, 8 + number, BAD + [0.1] * 3) for number in range(8)]
    assert sum(epoch is not None for epoch in pruned) >= (
        3 if pruner == "hyperband" else 6
    )  # a bracket runs to the end


def test_without_a_pruner_nothing_is_given_up():
    memory = Memory(PRUNERS["none"](9))
    assert [draw(memory, number, curve) for number, curve in enumerate([GOOD] * 8 + [BAD] * 8)] == [None] * 16


def test_the_verdict_is_optuna_s_own():
    """The same curves through an Optuna study with its pruner, as its documentation shows it."""
    memory = Memory(PRUNERS["median"](6))
    study = optuna.create_study(direction="maximize", pruner=PRUNERS["median"](6))
    for number in range(12):
        curve = [accuracy - 0.03 * (number % 5) for accuracy in GOOD]
        trial, expected = study.ask(), None
        for epoch, accuracy in enumerate(curve, start=1):
            trial.report(accuracy, epoch)
            if trial.should_prune():
                expected = epoch
                break
        study.tell(trial, state=TrialState.PRUNED) if expected else study.tell(trial, curve[-1])
        assert draw(memory, number, curve) == expected


@pytest.mark.parametrize("pruner", ["median", "halving", "hyperband"])
def test_after_a_restart_the_verdicts_are_those_that_would_have_been(pruner, tmp_path):
    def play(restart):
        folder = tmp_path / f"{pruner}-{restart}"
        folder.mkdir()
        queue, verdicts = make_queue(folder, 24, pruner=pruner), []
        for number in range(24):
            if restart:
                queue = make_queue(folder, 24, pruner=pruner)
            claim = queue.claim()
            curve = [accuracy - 0.02 * (number % 7) for accuracy in GOOD]
            given_up = next((e for e, a in enumerate(curve, start=1) if queue.report(claim, e, a)), None)
            queue.finish(claim, PRUNED if given_up else COMPLETE, None if given_up else curve[-1])
            verdicts.append((claim.phase, given_up))
        return verdicts

    verdicts = play(restart=False)
    assert play(restart=True) == verdicts
    assert any(epoch for _, epoch in verdicts)
    assert all(phase == SEARCH for phase, epoch in verdicts if epoch), "designed trials are never pruned"


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_a_trial_that_is_tried_again_is_judged_by_those_of_the_process_before(pruner, tmp_path):
    queue = make_queue(tmp_path, 24, pruner=pruner)
    for _ in range(20):
        claim = queue.claim()
        for epoch, accuracy in enumerate(GOOD, start=1):
            queue.report(claim, epoch, accuracy)
        queue.finish(claim, COMPLETE, GOOD[-1])
    queue.finish(queue.claim(), INTERRUPTED)
    fresh = make_queue(tmp_path, 24, pruner=pruner)
    fresh.retry()
    claim = fresh.claim()
    assert claim.slot == 20
    assert any(fresh.report(claim, epoch, accuracy) for epoch, accuracy in enumerate(BAD, start=1))


def test_a_trial_that_another_process_closed_is_given_up_and_not_written_twice(tmp_path):
    """It was silent for longer than a minute, and taken for lost."""
    queue = make_queue(tmp_path, 6)
    claim = queue.claim()
    assert not queue.report(claim, 1, 0.5)
    make_queue(tmp_path, 6).tell(claim.trial_id, INTERRUPTED)
    following = queue.claim()
    assert queue.report(claim, 2, 0.6)
    queue.finish(claim, COMPLETE, 0.6)
    queue.finish(following, COMPLETE, 0.5)
    assert [trial.state.name for trial in queue.study.trials] == ["FAIL", "COMPLETE"]


def test_what_is_concluded_is_known_to_the_next_draw_and_not_yet_to_the_storage(tmp_path):
    concluded, silent = (make_queue(tmp_path, 6, name=name) for name in ("concluded", "silent"))
    following = []
    for queue in (concluded, silent):
        for _ in range(5):
            claim = queue.claim()
            queue.report(claim, 1, 0.9 if claim.slot == 4 else 0.5)
            if claim.slot < 4:
                queue.finish(claim, COMPLETE, 0.5)
        if queue is concluded:
            queue.conclude(claim, COMPLETE, 0.9)
        assert queue.study.trials[4].state is TrialState.RUNNING
        following.append(queue.claim().config)
    assert following[0] != following[1]


def test_the_normal_tail_of_tpe_is_optuna_s_own():
    """It is put in the place of a private function, which may one day have another name."""
    assert _truncnorm._log_ndtr is log_ndtr
    x = np.r_[np.linspace(-40, 10, 201), -np.inf]
    np.testing.assert_allclose(
        log_ndtr(x[:-1]), [_truncnorm._log_ndtr_single(a) for a in x[:-1]], rtol=1e-6, atol=1e-15
    )


def test_a_retry_does_not_take_cmaes_back_to_where_it_was(tmp_path):
    """The strategy's state is kept with each trial; that of an early one must not come again as the latest."""
    queue = make_queue(tmp_path, 12, "cmaes")
    for slot in range(10):
        queue.finish(queue.claim(), INTERRUPTED if slot == 9 else COMPLETE, None if slot == 9 else 0.5)
    assert any("cma" in key for key in queue.study.trials[9].system_attrs)
    queue.retry()
    assert queue.study.trials[-1].params == queue.study.trials[9].params
    assert queue.study.trials[-1].system_attrs == {}
