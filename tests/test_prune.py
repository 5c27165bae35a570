import optuna
import pytest
from optuna.trial import TrialState, create_trial

from study.memory import Memory
from study.prune import PRUNERS
from study.record import COMPLETE, PRUNED, SEARCH
from tests.test_search import make_queue

GOOD, BAD = [0.5, 0.8, 0.9, 0.95, 0.96, 0.97], [0.1, 0.11, 0.1, 0.12, 0.1, 0.1]


def draw(memory, number, curve):
    """Report a new trial's curve until the pruner gives it up; after how many epochs it did, or None."""
    memory.begin(running(number), drawn=False)
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
