"""A study whose driver and workers are killed again and again; `python -m tests.long_run` is the long form."""

from hyperstudy.reports.findings import main as report
from tests.conftest import here
from tests.long_run import STUDY, endure, outcome


def test_kills_again_and_again_leave_exactly_the_trials_asked_for(tmp_path):
    endured = endure(tmp_path, trials=200, every=8, seed=3)
    statuses, ended = outcome(tmp_path)
    assert sum(endured.killed.values()) >= 1
    assert ended == dict.fromkeys(map(str, range(200)), 1)
    assert set(statuses) == {"FINISHED", "KILLED"}
    done = here(report, tmp_path, "--study", STUDY, "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
