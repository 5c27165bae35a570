from hyperstudy.study.core.config import Config
from hyperstudy.study.outputs.names import COMPLETE, FAILED
from hyperstudy.study.search.slots import Jobs

FAST, SLOW = Config(lr=0.1), Config(lr=1e-4)


def test_a_configuration_under_two_roles_is_trained_once_under_the_first():
    jobs = Jobs("confirm", [("winner", FAST), ("default", SLOW), ("a step of the path", FAST)], [])
    slots = list(iter(jobs.next, None))
    assert [(slot.tags["role"], slot.config) for slot in slots] == [("winner", FAST), ("default", SLOW)]
    assert jobs.total == 2


def test_jobs_that_are_done_are_skipped_and_counted():
    wanted = [("winner", FAST.replace(seed=seed)) for seed in range(4)]
    jobs = Jobs("confirm", wanted, {FAST.replace(seed=seed) for seed in (0, 2, 9)})
    assert (jobs.finished, jobs.total) == (2, 4)
    assert [slot.config.seed for slot in iter(jobs.next, None)] == [1, 3]


def test_a_job_names_its_run_after_role_and_seed_and_is_never_pruned():
    (slot,) = iter(Jobs("confirm", [("winner", FAST.replace(seed=7))], []).next, None)
    assert (slot.name, slot.tags) == ("winner-seed-7", {"phase": "confirm", "role": "winner"})
    assert not slot.prunable
    assert not Jobs("confirm", [], []).report(slot, 1, 0.0)


def test_a_lost_job_is_the_next_one():
    jobs = Jobs("confirm", [("winner", FAST), ("default", SLOW)], [])
    lost = jobs.next()
    jobs.again(lost)
    assert jobs.next() == lost
    jobs.end(lost, COMPLETE, 0.5)
    jobs.end(jobs.next(), FAILED, None)
    assert (jobs.finished, jobs.total, jobs.next()) == (1, 2, None)
