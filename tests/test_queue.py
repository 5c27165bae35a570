"""Trials are handed out exactly once, whoever dies and whoever else takes part."""

import subprocess
import sys
import time

import psutil
import pytest
from optuna.trial import TrialState, create_trial

from study.core.errors import InputError
from study.outputs.names import COMPLETE, FAILED, INTERRUPTED, PRUNED
from study.search.owners import is_dead, this_process
from study.search.storage import open_storage
from study.search.trials import OWNER, SLOT, seed_of
from study.studies.driver import NUMBER, QUEUE, reap
from study.tracking.tracker import Tracker
from tests.conftest import ROOT
from tests.test_search import finish_all, make_queue


def dead_process():
    """The name of a process that was and is no more."""
    code = "from study.search.owners import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_two_processes_share_the_slots_without_doing_one_twice(tmp_path):
    queues = [make_queue(tmp_path, 9), make_queue(tmp_path, 9)]
    claims = []
    while any(claimed := [queue.claim() for queue in queues]):
        for queue, claim in zip(queues, claimed, strict=True):
            if claim is not None:
                queue.finish(claim, COMPLETE, 0.5)
                claims.append(claim.slot)
    assert sorted(claims) == list(range(9))


def meanwhile(monkeypatch, queue, act):
    """Have something done between a process's look at the study and the trial that it creates then."""
    create = queue.storage.create_new_trial

    def create_late(*arguments):
        monkeypatch.setattr(queue.storage, "create_new_trial", create)
        act()
        return create(*arguments)

    monkeypatch.setattr(queue.storage, "create_new_trial", create_late)


def test_a_process_that_loses_a_race_takes_the_next_slot(tmp_path, monkeypatch):
    """Another process creates a trial between this one's look at the study and its claim."""
    queue, rival = make_queue(tmp_path, 5), make_queue(tmp_path, 5)
    overtaken = []
    meanwhile(monkeypatch, queue, lambda: overtaken.append(rival.claim()))
    claims = [queue.claim()]
    queue.finish(claims[0], COMPLETE, 0.5)
    rival.finish(overtaken[0], COMPLETE, 0.5)
    claims = [*overtaken, *claims, *finish_all(queue)]
    assert [claim.slot for claim in claims] == [0, 1, 2, 3, 4]
    clean = [claim.config for claim in finish_all(make_queue(tmp_path, 5, name="clean"))]
    assert [claim.config for claim in claims[:2]] == clean[:2], "the design is what it would have been"


def test_a_slot_whose_race_was_won_by_a_process_that_died_is_tried_again(tmp_path, monkeypatch):
    queue, rival = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    won = []
    meanwhile(monkeypatch, queue, lambda: won.append(rival.claim()))
    queue.finish(queue.claim(), COMPLETE, 0.5)
    queue.storage.set_trial_user_attr(won[0].trial_id, OWNER, dead_process())
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create()
    reap(queue, tracker)
    assert not queue.settled()
    (again,) = finish_all(queue)
    assert (again.slot, again.config) == (0, won[0].config)
    assert len(queue.trials()[0]) == 2, "what was withdrawn is no attempt"
    assert queue.finished() == 2


def test_a_slot_is_tried_again_though_a_later_attempt_at_it_had_failed_before(tmp_path, monkeypatch):
    """A rival died before it could withdraw, and then the process that had won."""
    queue, rival = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    won = []

    def lose():
        won.append(rival.claim())
        monkeypatch.setattr(queue, "_unless_rival", die)

    def die(trial, slot, draft):
        queue.tell(trial._trial_id, INTERRUPTED)

    meanwhile(monkeypatch, queue, lose)
    assert queue.claim() is None
    queue.storage.set_trial_user_attr(won[0].trial_id, OWNER, dead_process())
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create()
    reap(queue, tracker)
    assert queue.study.trials[-1].state is TrialState.WAITING


def test_the_last_slot_is_done_once_however_a_race_for_it_ends(tmp_path, monkeypatch):
    queue, rival = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    queue.finish(queue.claim(), COMPLETE, 0.5)
    meanwhile(monkeypatch, queue, lambda: rival.finish(rival.claim(), COMPLETE, 0.5))
    assert queue.claim() is None
    later = make_queue(tmp_path, 2)
    later.retry()
    assert later.claim() is None
    assert later.settled()
    assert later.finished() == 2
    grown = make_queue(tmp_path, 4)
    grown.retry()
    assert sorted(claim.slot for claim in finish_all(grown)) == [2, 3]
    assert grown.finished() == 4


def test_another_attempt_that_is_enqueued_meanwhile_does_not_cost_a_first_one_its_slot(tmp_path, monkeypatch):
    queue, rival = make_queue(tmp_path, 5), make_queue(tmp_path, 5)
    first = queue.claim()
    queue.finish(first, INTERRUPTED)
    meanwhile(monkeypatch, queue, rival.retry)
    claimed = queue.claim()
    queue.finish(claimed, COMPLETE, 0.5)
    claims = [claimed, *finish_all(queue)]
    assert [claim.slot for claim in claims] == [1, 0, 2, 3, 4]
    assert claims[1].config == first.config
    clean = {claim.slot: claim.config for claim in finish_all(make_queue(tmp_path, 5, name="clean"))}
    assert [claim.config for claim in claims if claim.slot in (1, 2)] == [clean[1], clean[2]], "designed"


def test_what_waits_beyond_the_slots_of_a_process_is_left_to_those_that_know_it(tmp_path):
    """One process of two has been asked for a larger study."""
    small, large = make_queue(tmp_path, 2), make_queue(tmp_path, 4)
    for _ in range(3):
        claim = large.claim()
        large.finish(claim, INTERRUPTED if claim.slot == 2 else COMPLETE, None if claim.slot == 2 else 0.5)
    large.retry()
    assert small.claim() is None
    assert [claim.slot for claim in finish_all(large)] == [2, 3]


def test_a_slot_that_two_processes_enqueued_again_is_done_once(tmp_path):
    queue = make_queue(tmp_path, 2)
    first = queue.claim()
    queue.finish(first, INTERRUPTED)
    for _ in range(2):
        queue.storage.create_new_trial(queue.study._study_id, waiting(first, queue))
    earlier, other = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    claims = [earlier.claim(), other.claim()]
    earlier.finish(claims[0], COMPLETE, 0.5)
    other.finish(claims[1], COMPLETE, 0.5)
    assert [claim.slot for claim in claims] == [0, 1]
    assert claims[0].config == first.config
    assert queue.settled()


def test_an_attempt_that_another_process_has_just_taken_is_left_to_it(tmp_path, monkeypatch):
    queue, rival = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    queue.finish(queue.claim(), INTERRUPTED)
    queue.retry()
    set_state, taken = queue.storage.set_trial_state_values, []

    def set_state_late(*arguments, **named):
        monkeypatch.setattr(queue.storage, "set_trial_state_values", set_state)
        taken.append(rival.claim())
        return set_state(*arguments, **named)

    monkeypatch.setattr(queue.storage, "set_trial_state_values", set_state_late)
    assert queue.claim().slot == 1
    assert [claim.slot for claim in taken] == [0]


def test_a_study_of_a_version_that_did_not_name_slots_is_refused(tmp_path):
    make_queue(tmp_path, 4).study.ask()
    with pytest.raises(InputError, match=r"begun with an earlier version, .* another name with --study"):
        make_queue(tmp_path, 4)


def waiting(claim, queue):
    trial = next(trial for trial in queue.study.trials if trial.number == claim.number)
    return create_trial(
        state=TrialState.WAITING, params=trial.params, distributions=trial.distributions, user_attrs={SLOT: claim.slot}
    )


def test_a_process_of_this_machine_may_sleep_and_one_elsewhere_may_not(tmp_path, monkeypatch):
    queue = make_queue(tmp_path, 6)
    here, elsewhere = queue.claim(), queue.claim()
    queue.storage.set_trial_user_attr(elsewhere.trial_id, OWNER, "elsewhere/1/0.00")
    assert queue.lost() == []
    ids = [claim.trial_id for claim in (here, elsewhere)]
    monkeypatch.setattr(queue.storage, "_get_stale_trial_ids", lambda _: ids)
    assert [trial.number for trial in queue.lost()] == [elsewhere.number]
    assert {trial.number for trial in queue.lost(stopping=True)} == {0, 1}


@pytest.mark.parametrize("state", [FAILED, INTERRUPTED])
def test_a_slot_that_failed_is_tried_again_with_the_same_configuration(state, tmp_path):
    queue = make_queue(tmp_path, 6)
    first = queue.claim()
    queue.finish(first, state)
    queue.retry()
    queue.retry()
    again = queue.claim()
    assert (again.slot, again.config) == (first.slot, first.config)
    queue.finish(again, COMPLETE, 0.5)
    finish_all(queue)
    assert queue.finished() == 6
    assert len(queue.study.trials) == 7


def test_a_searched_configuration_is_tried_again_as_it_was_sampled(tmp_path):
    queue = make_queue(tmp_path, 3)
    for _ in range(2):
        queue.finish(queue.claim(), COMPLETE, 0.5)
    sampled = queue.claim()
    queue.finish(sampled, INTERRUPTED)
    other = make_queue(tmp_path, 3)
    other.retry()
    assert other.claim().config == sampled.config


def test_a_trial_whose_owner_died_is_lost_and_one_of_the_living_is_not(tmp_path):
    queue = make_queue(tmp_path, 6)
    dead, living = queue.claim(), queue.claim()
    queue.storage.set_trial_user_attr(dead.trial_id, OWNER, dead_process())
    assert [trial.number for trial in queue.lost()] == [dead.number]
    queue.finish(living, COMPLETE, 0.5)


def test_a_trial_that_nobody_signed_is_lost_after_a_minute(tmp_path, monkeypatch):
    queue = make_queue(tmp_path, 6)
    queue.study.ask()
    assert queue.lost() == []
    now = time.time()
    monkeypatch.setattr("study.queue.time.time", lambda: now + 61)
    assert len(queue.lost()) == 1


def test_a_process_of_another_machine_is_not_taken_for_dead():
    assert not is_dead("elsewhere/1/0.00")
    assert not is_dead(this_process())
    assert is_dead(this_process()[:-2] + "xx"), "the same number, but another start"


def test_the_same_name_with_other_settings_is_refused_with_the_differences(tmp_path):
    queue = make_queue(tmp_path)
    queue.settle({"lr": "1", "depth": "2"})
    queue.settle({"lr": "1", "depth": "2"})
    with pytest.raises(InputError, match=r"other settings: depth 2 \(now 3\); width none \(now 4\)") as refusal:
        queue.settle({"lr": "1", "depth": "3", "width": "4"})
    assert "lr" not in str(refusal.value).partition("Repeat")[0].replace("other settings", "")


def test_a_pruned_trial_keeps_its_last_value_and_its_curve(tmp_path):
    queue = make_queue(tmp_path, 3)
    claim = queue.claim()
    for epoch, accuracy in ((1, 0.2), (2, 0.4)):
        queue.report(claim, epoch, accuracy)
    queue.finish(claim, PRUNED)
    trial = queue.study.trials[0]
    assert (trial.state, trial.value) == (TrialState.PRUNED, 0.4)
    assert trial.user_attrs["val/accuracy by epoch"] == [0.2, 0.4]


@pytest.mark.parametrize("url", ["nonsense", "oracle-of://delphi", "sqlite:////dev/null/optuna.db"])
def test_a_storage_that_cannot_be_opened_is_refused(url):
    with pytest.raises(InputError, match=r"store .* cannot be opened: ."):
        open_storage(url)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "optuna.db").write_text("this is a letter, not a database, and a long one at that" * 10)
    with pytest.raises(InputError, match="cannot be opened: file is not a database"):
        open_storage(f"sqlite:///{tmp_path}/optuna.db")


def test_seeds_differ_with_every_number():
    assert len({seed_of(a, b) for a in range(20) for b in range(20)}) == 400


def test_a_clock_that_is_set_anew_makes_no_process_dead(monkeypatch):
    owner, created = this_process(), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: created(self) + 1)
    assert not is_dead(owner)


def test_queues_that_share_an_experiment_leave_each_other_s_runs_alone(tmp_path):
    """Each numbers its trials from 0: the recipes of two data sets do."""
    one, other = (make_queue(tmp_path, 1, name=name) for name in ("one", "other"))
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "shared")
    tracker.create("")
    for queue in (one, other):
        claim = queue.claim()
        tags = {"phase": claim.phase, "trial": 0, NUMBER: claim.number, QUEUE: queue.name}
        run_id = tracker.start(claim.name, {}, tags, [])
        if queue is one:
            tracker.finish(run_id, COMPLETE, {"objective": 0.97}, tmp_path / "nothing")
            queue.finish(claim, COMPLETE, 0.97)
    reap(one, tracker)
    assert [run.status for run in tracker.runs()] == ["FINISHED", "RUNNING"]
    reap(other, tracker, stopping=True)
    assert [run.status for run in tracker.runs()] == ["FINISHED", "KILLED"]
    assert other.finished() == 0


def test_a_run_that_ends_while_lost_ones_are_looked_for_keeps_its_end(tmp_path, monkeypatch):
    queue, watcher = make_queue(tmp_path, 1), make_queue(tmp_path, 1)
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "s")
    tracker.create("")
    claim, running = queue.claim(), watcher.running
    run_id = tracker.start(claim.name, {}, {"phase": claim.phase, NUMBER: claim.number, QUEUE: queue.name}, [])

    def finish_and_look():
        tracker.finish(run_id, COMPLETE, {"objective": 0.9}, tmp_path / "nothing")
        queue.finish(claim, COMPLETE, 0.9)
        return running()

    monkeypatch.setattr(watcher, "running", finish_and_look)
    reap(watcher, Tracker(tracker.uri, "s"))
    (run,) = tracker.runs()
    assert (run.status, run.tags["state"]) == ("FINISHED", COMPLETE)


TOGETHER = """
import sys, time
from tests.test_search import make_queue
queue = make_queue(sys.argv[1], 1)
while time.time() < float(sys.argv[2]):
    pass
getattr(queue, sys.argv[3])(*map(int, sys.argv[4:]))
"""


def at_once(folder, *calls):
    """Call a queue's method in several processes at the same moment."""
    make_queue(folder, 1)
    words = [sys.executable, "-c", TOGETHER, str(folder), str(time.time() + 15)]
    started = [subprocess.Popen([*words, *call], cwd=ROOT, stdout=subprocess.PIPE) for call in calls]
    return [process.wait() for process in started]


def test_processes_that_grow_a_study_at_once_leave_a_schedule_that_holds_all(tmp_path):
    """None writes back what it read before another wrote."""
    codes = at_once(tmp_path, ("want", "20"), ("want", "30"))
    targets = make_queue(tmp_path, 30).study.user_attrs["targets"]
    assert targets == ([1, 20, 30] if codes == [0, 0] else [1, 30]), "either 20 came first, or it was refused"
