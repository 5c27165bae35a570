"""What makes a study this study, how it grows, and what a restart reads from its runs."""

import json

import pytest

from hyperstudy.study.core.config import HYPERPARAMETERS, Config
from hyperstudy.study.core.domains import Choice, Range
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.plan import make_plan
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, FAILED, INTERRUPTED, PRUNED
from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.studies.records import records
from hyperstudy.study.studies.session import SETTINGS, TARGETS, grow, settings, settle
from hyperstudy.study.tasks.pictures import PicturesTask
from tests.tracking.runs import make_tracker

KIND = "study.settings"


@pytest.fixture
def tracker(tmp_path):
    return make_tracker(tmp_path)


def test_the_same_settings_are_accepted_again(tracker):
    for _ in range(2):
        settle(tracker, KIND, {"lr": "1", "model": "cnn"})
    assert json.loads(tracker.tags()[KIND]) == {"lr": "1", "model": "cnn"}


def test_other_settings_are_refused_with_all_that_differ(tracker):
    settle(tracker, KIND, {"lr": "1", "model": "cnn", "epochs": "5"})
    changed = {"lr": "1", "model": "mlp", "epochs": "6", "color": "red"}
    message = r"exists with other settings: model cnn \(now mlp\); epochs 5 \(now 6\); color none \(now red\)\. Repeat"
    with pytest.raises(InputError, match=message):
        settle(tracker, KIND, changed)
    assert json.loads(tracker.tags()[KIND])["model"] == "cnn"


@pytest.mark.parametrize("name", ["dropout", "scaling", "border", "schedule", "label_smoothing"])
def test_a_hyperparameter_that_the_study_did_not_know_has_its_default(name, tracker, digits):
    """`Config` got a field after the study had begun."""
    options = parse_options([])
    now = settings(options, make_plan("digits", "cnn", {}), PicturesTask("digits", digits), ACCURACY)
    settle(tracker, KIND, {key: value for key, value in now.items() if key != name})
    settle(tracker, KIND, now)
    with pytest.raises(InputError, match=rf"other settings: {name} {getattr(Config(), name)} \(now other\)\."):
        settle(tracker, KIND, {**now, name: "other"})


def test_settings_name_every_hyperparameter_the_pictures_and_the_search(digits):
    found = settings(
        parse_options(["--lr", "1e-4:1e-2"]),
        make_plan("digits", "cnn", {"lr": "1e-4:1e-2"}),
        PicturesTask("digits", digits),
        ACCURACY,
    )
    assert set(HYPERPARAMETERS) < set(found)
    assert (found["lr"], found["epochs"], found["data digest"]) == ("0.0001:0.01 searched", "10", digits.digest)
    assert (found["sampler"], found["pruner"]) == ("tpe", "median")
    assert "trials" not in found


def test_a_study_grows_and_never_shrinks(tracker):
    assert grow(tracker, 6) == [6]
    assert grow(tracker, 6) == [6]
    assert grow(tracker, 12) == [6, 12]
    for fewer in (6, 5, 11):
        with pytest.raises(InputError, match=f"already has 12 trials, and can only grow; got {fewer}"):
            grow(tracker, fewer)
    assert json.loads(tracker.tags()[TARGETS]) == [6, 12]


def track(tracker, slot, state, curve, phase="explore", **fields):
    """A run as the driver tracks it."""
    config = Config(**fields)
    params = {"dataset": config.dataset, "model": config.model, **config.hyperparameters()}
    run_id = tracker.start(f"{phase}-{slot:03d}", params, {"phase": phase, "trial": slot}, [])
    for epoch, accuracy in enumerate(curve, start=1):
        tracker.log(run_id, {"val/accuracy": accuracy}, epoch)
    summary = {"objective": 0.1, "diverged_epoch": len(curve)} if state == DIVERGED else {"objective": curve[-1]}
    tracker.finish(run_id, state, summary if state in (COMPLETE, PRUNED, DIVERGED) else {}, {})


def test_records_are_the_finished_trials_in_the_order_of_their_slots(tracker):
    track(tracker, 2, PRUNED, [0.3, 0.4], phase="search", lr=0.02)
    track(tracker, 0, COMPLETE, [0.5, 0.6], lr=0.01)
    track(tracker, 1, DIVERGED, [0.5, 0.1], lr=0.1)
    track(tracker, 3, FAILED, [0.5])
    track(tracker, 4, INTERRUPTED, [0.5])
    track(tracker, 5, COMPLETE, [0.9], phase="confirm")
    found = records(tracker, tracker.runs(), {"lr": Range(1e-3, 1.0), "activation": Choice(("relu", "tanh"))}, ACCURACY)
    assert [tuple(row[:5]) for row in found] == [
        (0, {"lr": 0.01, "activation": "relu"}, [0.5, 0.6], COMPLETE, 0.6),
        (1, {"lr": 0.1, "activation": "relu"}, [0.5], DIVERGED, 0.1),
        (2, {"lr": 0.02, "activation": "relu"}, [0.3, 0.4], PRUNED, 0.4),
    ]
    for row, run in zip(found, sorted(tracker.runs()[:3], key=lambda run: run.tags["trial"]), strict=True):
        assert [row.started.timestamp() * 1000, row.ended.timestamp() * 1000] == [run.start_ms, run.end_ms]


def test_of_two_finished_trials_of_a_slot_the_first_counts(tracker):
    for accuracy in (0.5, 0.6):
        track(tracker, 0, COMPLETE, [accuracy])
    (row,) = records(tracker, tracker.runs(), {"lr": Range(1e-3, 1.0)}, ACCURACY)
    assert row.objective == 0.5


def test_a_study_of_an_earlier_version_is_refused(tracker):
    track(tracker, 0, COMPLETE, [0.5])
    with pytest.raises(InputError, match="was begun with an earlier version"):
        settle(tracker, SETTINGS, {"lr": "1"})
