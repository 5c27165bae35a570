"""The answers that confirmation runs keep, read back from the tracker."""

import numpy as np

from hyperstudy.study.comparisons.answers import answered, right_answers
from hyperstudy.study.outputs import files
from hyperstudy.study.outputs.names import ANSWERS, COMPLETE
from hyperstudy.study.outputs.objective import Objective
from tests.tracking.runs import make_tracker


def test_answers_are_read_back_and_a_run_without_them_has_none(tmp_path):
    tracker, ids = make_tracker(tmp_path), []
    for seed, made in ((3, {ANSWERS: files.answers(np.array([0, 1, 300]), np.array([0, 2, 300]))}), (4, {})):
        ids.append(tracker.start(f"winner-seed-{seed}", {"seed": seed}, {"phase": "confirm"}, []))
        tracker.finish(ids[-1], COMPLETE, {"test/accuracy": 2 / 3, "test/loss": 0.4, "objective": 0.5}, made)
    assert right_answers(tracker, ids[0]).tolist() == [True, False, True]
    assert right_answers(tracker, ids[1]) is None
    first, second = answered(tracker, tracker.runs())
    assert (first.seed, first.value, second.right) == (3, 2 / 3, None)
    loss = Objective("validation loss", maximize=False, test_key="test/loss")
    assert [run[1:] for run in answered(tracker, tracker.runs(), loss)] == [(-0.4, None)] * 2
    assert [run.value for run in answered(tracker, tracker.runs(), loss._replace(test_key=""))] == [-0.5] * 2
