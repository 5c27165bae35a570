"""Trials are handed out exactly once, whoever dies and whoever else takes part."""

import subprocess
import sys
import time

import optuna
import pytest

from study.errors import InputError
from study.queue import OWNER, is_dead, open_storage, seed_of, this_process
from study.record import COMPLETE, FAILED, INTERRUPTED, PRUNED
from tests.test_search import finish_all, make_queue


def dead_process():
    """The name of a process that was and is no more."""
    code = "from study.queue import this_process; print(this_process())"
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


def test_a_process_that_loses_a_race_leaves_the_slot_to_be_claimed_again(tmp_path, monkeypatch):
    """Another process creates a trial between this one's look at the study and its claim."""
    queue, rival = make_queue(tmp_path, 5), make_queue(tmp_path, 5)
    ask = queue.study.ask

    def ask_late():
        monkeypatch.setattr(queue.study, "ask", ask)
        queue.overtaken = rival.claim()
        return ask()

    monkeypatch.setattr(queue.study, "ask", ask_late)
    assert queue.claim() is None
    rival.finish(queue.overtaken, COMPLETE, 0.5)
    claims = finish_all(queue)
    assert sorted([queue.overtaken.slot, *(claim.slot for claim in claims)]) == [0, 1, 2, 3, 4]
    clean = [claim.config for claim in finish_all(make_queue(tmp_path, 5, name="clean"))]
    by_slot = {claim.slot: claim.config for claim in [queue.overtaken, *claims]}
    assert [by_slot[slot] for slot in range(2)] == clean[:2], "the design is what it would have been"


def test_another_attempt_that_is_enqueued_meanwhile_is_not_taken_for_a_first_one(tmp_path, monkeypatch):
    queue, rival = make_queue(tmp_path, 5), make_queue(tmp_path, 5)
    first = queue.claim()
    queue.finish(first, INTERRUPTED)
    ask = queue.study.ask

    def ask_late():
        monkeypatch.setattr(queue.study, "ask", ask)
        rival.retry()
        return ask()

    monkeypatch.setattr(queue.study, "ask", ask_late)
    assert queue.claim() is None
    claims = finish_all(queue)
    assert sorted(claim.slot for claim in claims) == [0, 1, 2, 3, 4]
    assert [claim.config for claim in claims if claim.slot == 0] == [first.config]
    clean = {claim.slot: claim.config for claim in finish_all(make_queue(tmp_path, 5, name="clean"))}
    assert [claim.config for claim in claims if claim.slot in (1, 2)] == [clean[1], clean[2]], "designed"


def test_a_trial_beyond_the_last_slot_holds_nobody_up(tmp_path, monkeypatch):
    """Two processes race for the last slot; the loser's trial has none, and must never be tried again."""
    queue, rival = make_queue(tmp_path, 2), make_queue(tmp_path, 2)
    queue.finish(queue.claim(), COMPLETE, 0.5)
    ask = queue.study.ask

    def ask_late():
        monkeypatch.setattr(queue.study, "ask", ask)
        rival.finish(rival.claim(), COMPLETE, 0.5)
        return ask()

    monkeypatch.setattr(queue.study, "ask", ask_late)
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


def test_a_slot_that_two_processes_enqueued_again_is_done_once(tmp_path):
    queue = make_queue(tmp_path, 2)
    queue.finish(queue.claim(), INTERRUPTED)
    for _ in range(2):
        queue.study.enqueue_trial({}, user_attrs={"slot": 0})
    first = queue.claim()
    assert first is None, "one of the twins is left"
    claims = finish_all(queue)
    assert sorted(claim.slot for claim in claims) == [0, 1]
    assert queue.settled()


def test_a_process_of_this_machine_may_sleep_and_one_elsewhere_may_not(tmp_path, monkeypatch):
    queue = make_queue(tmp_path, 6)
    here, elsewhere = queue.claim(), queue.claim()
    elsewhere.trial.set_user_attr(OWNER, "elsewhere/1/0.00")
    assert queue.lost() == []
    ids = [claim.trial._trial_id for claim in (here, elsewhere)]
    monkeypatch.setattr(queue.storage, "_get_stale_trial_ids", lambda _: ids)
    assert [trial.number for trial in queue.lost()] == [elsewhere.trial.number]
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
    dead.trial.set_user_attr(OWNER, dead_process())
    assert [trial.number for trial in queue.lost()] == [dead.trial.number]
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
    assert (trial.state, trial.value) == (optuna.trial.TrialState.PRUNED, 0.4)
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
