"""What differs between a run and its repetition: planted differences, each told with its amount."""

import pytest

from hyperstudy.study.comparisons.repeats import compared, differences, surroundings, verdict
from hyperstudy.study.tracking.memory import Kept

METRICS = {
    "val/loss": {1: 0.5, 2: 0.25, 3: 0.125},
    "time/val_seconds": {1: 0.1, 2: 0.1, 3: 0.1},
    "objective": {0: 0.75},
}
CURVE = {"val/loss": METRICS["val/loss"]}
RUN = Kept("complete", METRICS, {"weights.safetensors": b"12"}, {})


def told(now, history=CURVE):
    return [str(row) for row in differences(RUN, history, now)]


def with_metrics(**changed):
    return RUN._replace(metrics=METRICS | {name.replace("_", "/", 1): values for name, values in changed.items()})


def test_a_run_is_identical_to_itself_whatever_time_it_took():
    assert told(with_metrics(time_val_seconds={1: 9.0})) == []
    assert compared(RUN, RUN) == "3 epochs x 1 metric, 1 of the whole run, weights.safetensors (2 bytes)"


def test_the_first_epoch_and_the_largest_difference_are_told_once_for_store_and_history():
    assert told(with_metrics(val_loss={1: 0.5, 2: 0.375, 3: 1.125})) == [
        "val/loss first after epoch 2, most after epoch 3 by 1 (was 0.125, now 1.125)"
    ]


@pytest.mark.parametrize(("was", "now"), [(0.0, -0.0), (0.1 + 0.2, 0.3), (1e-320, 2e-320)])
def test_the_last_bit_counts(was, now):
    before = RUN._replace(metrics={"loss": {1: was}})
    assert len(differences(before, {}, RUN._replace(metrics={"loss": {1: now}}))) > 0
    assert differences(before, {"loss": {1: was}}, RUN._replace(metrics={"loss": {1: was}})) == []


def test_a_history_file_that_was_changed_alone_is_told():
    history = {"val/loss": {1: 0.5, 2: 0.5, 3: 0.125}}
    assert told(RUN, history) == ["val/loss in history.csv first after epoch 2 by 0.25 (was 0.5, now 0.25)"]


def test_what_one_of_both_lacks_is_told():
    assert (
        told(with_metrics(val_loss={1: 0.5, 2: 0.25}))[0]
        == "val/loss was recorded but is not there now, first after epoch 3"
    )
    assert told(with_metrics(val_f1={1: 0.5}))[0] == "val/f1 is there now but was not recorded, first after epoch 1"
    assert told(RUN._replace(metrics=METRICS | {"objective": {}})) == ["objective was recorded but is not there now"]


def test_files_differ_by_their_digests_and_one_that_the_store_has_lost_is_not_compared():
    (line,) = told(RUN._replace(files={"weights.safetensors": b"13"}))
    assert line == "weights.safetensors was 2 bytes 6b51d431, now 2 bytes 3fdba35f"
    assert differences(RUN._replace(files={}), CURVE, RUN) == []


def test_a_run_that_fails_now_is_told_with_its_reason_alone():
    assert told(Kept("failed", {}, {}, {"error": "no"})) == ["state was complete, now failed: no"]
    assert told(RUN._replace(state="pruned"))[0] == "state was complete, now pruned"


def test_the_verdict_names_the_surroundings_that_differ():
    old = {"versions": '{"torch": "1.0", "numpy": "2.0"}', "mlflow.source.git.commit": 40 * "a"}
    new = {"versions": '{"torch": "1.1", "numpy": "2.0"}', "mlflow.source.git.commit": 40 * "b" + "+changes"}
    around = surroundings(old, new)
    assert around == ["torch '1.0' is now '1.1'", "commit 'aaaaaaaaaaaa' is now 'bbbbbbbbbbbb+changes'"]
    threads = surroundings({**old, "threads": "4"}, {**old, "threads": "1"})
    assert threads == ["threads '4' is now '1'"]
    found = differences(RUN, CURVE, with_metrics(val_loss={1: 0.5, 2: 0.25, 3: 0.0}))
    assert verdict(found, around).endswith(f"(was 0.125, now 0.0). Likely cause: {'; '.join(around)}")
    assert "depends on more than its seed" in verdict(found, [])
    assert verdict([], []) == "identical to the last bit"
    assert surroundings(old, old) == surroundings({}, new) == []
