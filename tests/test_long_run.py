"""A study whose driver and workers are killed again and again; `python -m tests.long_run` is the long form."""

from tests.conftest import python
from tests.long_run import STUDY, endure, outcome


def test_kills_again_and_again_leave_exactly_the_trials_asked_for(tmp_path):
    endured = endure(tmp_path, trials=120, every=8, seed=3)
    statuses, ended = outcome(tmp_path)
    assert sum(endured.killed.values()) >= 2
    assert ended == dict.fromkeys(map(str, range(120)), 1)
    assert set(statuses) == {"FINISHED", "KILLED"}
    report = python("-m", "reports.findings", "--study", STUDY, cwd=tmp_path)
    assert report.returncode == 0, report.stderr
