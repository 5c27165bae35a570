import csv
import io
import time

import pytest
from mlflow import MlflowClient

from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.outputs.names import COMPLETE, FAILED, INTERRUPTED, finite
from hyperstudy.study.tracking.experiments import charts_link, experiments, find_study
from hyperstudy.study.tracking.tracker import FLUSH_SECONDS, Tracker
from tests.tracking.runs import files_up_to, make_tracker, start


@pytest.fixture
def tracker(tmp_path):
    return make_tracker(tmp_path)


def test_a_run_holds_what_was_logged(tracker, tmp_path):
    run_id = start(tracker)
    for epoch in (1, 2):
        tracker.log(run_id, {"val/accuracy": epoch / 4}, epoch)
    tracker.finish(
        run_id, COMPLETE, {"objective": 0.5}, {"note.txt": b"hello", "more.bin": b"\x00"}, tags={"who": "me"}
    )
    (run,) = tracker.runs()
    assert (run.name, run.status, run.state, run.phase) == ("run", "FINISHED", COMPLETE, "explore")
    assert (run.tags["trial"], run.tags["who"]) == ("7", "me")
    assert run.params == {"lr": "0.1", "depth": "2"}
    assert run.metrics == {"val/accuracy": 0.5, "objective": 0.5}
    history = tracker.client.get_metric_history(run_id, "val/accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5)]
    (recorded,) = tracker.client.get_run(run_id).inputs.dataset_inputs
    assert (recorded.dataset.name, recorded.dataset.digest) == ("digits", "abc")
    assert {tag.value for tag in recorded.tags} == {"training"}
    assert tracker.download(run_id, "note.txt", tmp_path).read_text() == "hello"
    assert {file.path for file in tracker.client.list_artifacts(run_id)} == {"note.txt", "more.bin"}


def test_a_file_that_a_full_disk_cannot_take_is_not_taken_for_a_lost_one(tracker, tmp_path):
    run_id = start(tracker)
    tracker.finish(run_id, COMPLETE, {}, {"note.txt": b"x" * 1000})
    told = r"file 'note.txt' of run .* cannot be read, or not be copied"
    with files_up_to(100), pytest.raises(StoreError, match=told):
        tracker.download(run_id, "note.txt", tmp_path)


def test_metrics_beyond_one_batch_all_arrive(tracker):
    run_id = start(tracker)
    for epoch in range(1, 1202):
        tracker.log(run_id, {"a": epoch, "b": -epoch}, epoch)
    tracker.finish(run_id, COMPLETE, {}, {})
    for name, sign in (("a", 1), ("b", -1)):
        history = tracker.client.get_metric_history(run_id, name)
        assert sorted(point.step for point in history) == list(range(1, 1202))
        assert all(point.value == sign * point.step for point in history)


def test_metrics_of_a_run_in_progress_arrive_within_seconds(tracker, monkeypatch):
    run_id = start(tracker)
    tracker.log(run_id, {"a": 1.0}, 1)
    assert tracker.runs()[0].metrics == {}, "many epochs in one batch cost what one epoch costs"
    now = time.monotonic()
    monkeypatch.setattr("hyperstudy.study.tracking.tracker.time.monotonic", lambda: now + FLUSH_SECONDS)
    tracker.log(run_id, {"a": 2.0}, 2)
    (run,) = tracker.runs()
    assert (run.status, run.metrics, run.params["lr"]) == ("RUNNING", {"a": 2.0}, "0.1")
    assert [point.value for point in tracker.client.get_metric_history(run_id, "a")] == [1.0, 2.0]


@pytest.mark.parametrize(("state", "status"), [(FAILED, "FAILED"), (INTERRUPTED, "KILLED")])
def test_a_run_that_did_not_finish_keeps_its_metrics_and_says_so(state, status, tracker):
    run_id = start(tracker)
    tracker.log(run_id, {"a": 1.0}, 1)
    tracker.close(run_id, state, status, {"error": "why"})
    (run,) = tracker.runs()
    assert (run.status, run.state, run.tags["error"], run.metrics) == (status, state, "why", {"a": 1.0})


def test_a_reason_of_any_length_is_kept(tracker):
    """MLflow refuses tags of more than 8,000 characters."""
    run_id = start(tracker)
    tracker.close(run_id, FAILED, "FAILED", {"error": "because " * 2000})
    (run,) = tracker.runs()
    assert (run.state, run.status) == (FAILED, "FAILED")
    assert run.tags["error"].startswith("because because")


def test_the_state_is_written_last(tracker, monkeypatch):
    """A run that has a state is complete, wherever its driver was killed."""
    run_id = start(tracker)
    tracker.log(run_id, {"a": 1.0}, 1)
    monkeypatch.setattr(MlflowClient, "log_artifacts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tracker.finish(run_id, COMPLETE, {"objective": 0.5}, {"note.txt": b"hello"})
    assert tracker.runs()[0].state == ""
    monkeypatch.undo()
    monkeypatch.setattr(MlflowClient, "set_terminated", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tracker.finish(run_id, COMPLETE, {"objective": 0.5}, {"note.txt": b"hello"})
    (run,) = tracker.runs()
    assert (run.state, run.metrics) == (COMPLETE, {"a": 1.0, "objective": 0.5})


def test_runs_that_a_dead_driver_left_open_are_closed_as_what_they_are(tracker):
    cut_short, ended = start(tracker, "cut short"), start(tracker, "ended")
    report = start(tracker, "somebody's own", phase="else")
    tracker.client.set_tag(ended, "state", COMPLETE)
    done = start(tracker, "done")
    tracker.finish(done, COMPLETE, {}, {})
    before = tracker.client.get_run(done).info.end_time
    Tracker(tracker.uri, "a study").close_left_open()
    found = {run.run_id: (run.status, run.state) for run in tracker.runs()}
    assert found[cut_short] == ("KILLED", INTERRUPTED)
    assert found[ended] == ("FINISHED", COMPLETE)
    assert found[report] == ("RUNNING", "")
    assert tracker.client.get_run(done).info.end_time == before


def test_all_runs_come_back_in_order_however_many_pages(tracker, monkeypatch):
    monkeypatch.setattr("hyperstudy.study.tracking.tracker.PAGE", 3)
    for number in range(7):
        start(tracker, f"run-{number}")
    assert [run.name for run in tracker.runs()] == [f"run-{number}" for number in range(7)]


def history_csv(epochs):
    text = io.StringIO(newline="")
    rows = ([epoch.number, *epoch.metrics.values()] for epoch in epochs)
    csv.writer(text).writerows([["epoch", *epochs[0].metrics], *rows])
    return text.getvalue().encode()


NAN, INF = float("nan"), float("inf")
EPOCHS = [Epoch(n, {"train/loss": 1 / n, "train/grad_norm": n / 3, "val/accuracy": 1 - 1 / (n + 1)}) for n in (1, 2, 3)]
DIVERGES = Epoch(4, {"train/loss": NAN, "train/grad_norm": INF, "val/accuracy": 0.1}, 65)


@pytest.mark.parametrize("epochs", [EPOCHS, [*EPOCHS, DIVERGES]], ids=["trained", "diverged"])
def test_curves_from_the_history_file_equal_those_from_mlflow(epochs, tracker):
    """The file is one read a run; without it, as when artifacts were cleaned away, MLflow's metrics are asked."""
    with_file, without = start(tracker), start(tracker)
    for run_id in (with_file, without):
        for epoch in epochs:
            tracker.log(run_id, finite(epoch.metrics), epoch.number)
    tracker.finish(with_file, COMPLETE, {}, {"history.csv": history_csv(epochs)})
    tracker.finish(without, COMPLETE, {}, {})
    expected = [{"epoch": epoch.number, **finite(epoch.metrics)} for epoch in epochs]
    curves = dict(tracker.curves(tracker.runs()))
    assert curves[without] == expected
    assert curves[with_file] == expected


def test_a_run_without_epochs_has_an_empty_curve(tracker):
    run_id = start(tracker)
    tracker.close(run_id, INTERRUPTED, "KILLED")
    assert list(tracker.curves(tracker.runs())) == [(run_id, [])]


def test_a_deleted_study_is_refused_with_the_command_that_restores_it(tracker):
    tracker.client.delete_experiment(tracker.experiment_id)
    with pytest.raises(InputError, match=f"was deleted in MLflow: .*--experiment-id {tracker.experiment_id}"):
        Tracker(tracker.uri, "a study")


def log_at(tracker, name, milliseconds):
    tracker.client.create_run(tracker.experiment_id, start_time=milliseconds, run_name=name, tags={"phase": "explore"})


def test_the_study_with_the_latest_trial_comes_first(tmp_path):
    """Not the one that was created last, nor the one that has the latest report."""
    older, newer = make_tracker(tmp_path, "older"), make_tracker(tmp_path, "newer")
    make_tracker(tmp_path, "without a trial")
    log_at(older, "explore-000", 1_000)
    log_at(newer, "explore-000", 2_000)
    assert list(experiments(older.uri)) == ["newer", "older", "without a trial"]
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "README.md").write_text("a report")
    older.attach("report", tmp_path / "report")
    assert next(iter(experiments(older.uri))) == "newer"
    log_at(older, "explore-001", 3_000)
    assert list(experiments(older.uri)) == ["older", "newer", "without a trial"]
    assert find_study(older.uri, None) == "older"


def test_a_study_is_found_by_its_name(tracker):
    assert find_study(tracker.uri, "a study") == "a study"
    with pytest.raises(InputError, match=r"study must be one of 'a study'; got 'a stady' \(did you mean 'a study'\?\)"):
        find_study(tracker.uri, "a stady")


def test_a_store_without_a_study_says_what_makes_one(tmp_path):
    with pytest.raises(InputError, match=r"there is no study yet in .*: run python -m study\.run"):
        find_study(f"sqlite:///{tmp_path}/mlflow.db", None)


def test_experiments_beyond_the_first_page_are_found(tmp_path, monkeypatch):
    for name in "abc":
        tracker = make_tracker(tmp_path, name)
    search = MlflowClient.search_experiments

    def one_a_page(self, **asked):
        return search(self, **{"max_results": 1, **asked})

    monkeypatch.setattr(MlflowClient, "search_experiments", one_a_page)
    assert set(experiments(tracker.uri)) == {"a", "b", "c"}


def test_an_experiment_that_another_process_makes_meanwhile_is_taken(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    slow, fast = Tracker(uri, "s"), Tracker(uri, "s")
    fast.create()
    slow.create()
    assert slow.experiment_id == fast.experiment_id


def test_a_note_and_tags_describe_the_experiment(tracker):
    tracker.describe("# note", {"study.space": "{}"})
    assert tracker.tags()["mlflow.note.content"] == "# note"
    assert tracker.tags()["study.space"] == "{}"


def test_a_report_takes_the_place_of_the_one_before(tracker, tmp_path):
    for text in ("first", "second"):
        (tmp_path / "files").mkdir(exist_ok=True)
        (tmp_path / "files" / "README.md").write_text(text)
        tracker.attach("report", tmp_path / "files")
    (run,) = tracker.runs()
    assert (run.name, run.status) == ("report", "FINISHED")
    assert tracker.download(run.run_id, "README.md", tmp_path).read_text() == "second"


def test_the_link_opens_the_charts():
    assert charts_link("http://h:5000", "7") == (
        "http://h:5000/#/experiments/7/runs?workflowType=machine_learning&compareRunsMode=CHART"
    )
