"""Experiments of any name in a store: nothing is written outside it."""

import pytest

from hyperstudy.study.tracking.lock import sole_driver
from hyperstudy.study.tracking.tracker import Tracker
from tests.tracking.runs import make_tracker


@pytest.mark.parametrize("name", ["../../../x", "a/../../../x", "/x", "..", "~", "a\\..\\x"])
def test_the_lock_of_any_study_lies_in_the_store(name, tmp_path):
    store = tmp_path / "deep" / "in" / "store"
    tracker = make_tracker(store, "a study")
    tracker.client.create_experiment(name, (store / "artifacts").as_uri())
    with sole_driver(Tracker(tracker.uri, name)):
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert all(path.is_relative_to(store) for path in files)
        assert sum(path.parent == store / "locks" for path in files) == 1 + (store / "locks" / "opening.lock").exists()
