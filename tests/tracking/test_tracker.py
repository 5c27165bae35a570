import math
import time

import pytest
from mlflow import MlflowClient

from study.core.errors import InputError
from study.outputs.names import FAILED, INTERRUPTED
from study.tracking.tracker import FLUSH_SECONDS, Tracker, charts_link, dataset_input, experiments


@pytest.fixture
def tracker(tmp_path):
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "a study")
    tracker.create()
    return tracker


def start(tracker, name="run"):
    data = dataset_input("digits", "abc", "data", "training", {"training": 3})
    return tracker.start(name, {"lr": 0.1, "depth": 2}, {"phase": "explore", "trial": 7}, [data])


def test_a_run_holds_what_was_logged(tracker, tmp_path):
    run_id = start(tracker)
    for epoch in (1, 2):
        tracker.log(run_id, {"val/accuracy": epoch / 4}, epoch)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "note.txt").write_text("hello")
    tracker.finish(run_id, "complete", {"objective": 0.5}, tmp_path / "files")
    (run,) = tracker.runs()
    assert (run.name, run.status, run.tags["state"], run.tags["trial"]) == ("run", "FINISHED", "complete", "7")
    assert run.params == {"lr": "0.1", "depth": "2"}
    assert run.metrics == {"val/accuracy": 0.5, "objective": 0.5}
    history = tracker.client.get_metric_history(run_id, "val/accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5)]
    (recorded,) = tracker.client.get_run(run_id).inputs.dataset_inputs
    assert (recorded.dataset.name, recorded.dataset.digest) == ("digits", "abc")
    assert tracker.download(run_id, "note.txt", tmp_path).read_text() == "hello"


def test_metrics_beyond_one_batch_all_arrive(tracker, tmp_path):
    run_id = start(tracker)
    for epoch in range(1, 1202):
        tracker.log(run_id, {"a": epoch, "b": -epoch}, epoch)
    (tmp_path / "files").mkdir()
    tracker.finish(run_id, "complete", {}, tmp_path / "files")
    assert len(tracker.client.get_metric_history(run_id, "a")) == 1201
    assert len(tracker.client.get_metric_history(run_id, "b")) == 1201


def test_metrics_of_a_run_in_progress_arrive_within_seconds(tracker, monkeypatch):
    run_id = start(tracker)
    tracker.log(run_id, {"a": 1.0}, 1)
    assert tracker.runs()[0].metrics == {}  # one batch of many epochs costs what one of a single epoch costs
    now = time.monotonic()
    monkeypatch.setattr("study.track.time.monotonic", lambda: now + FLUSH_SECONDS)
    tracker.log(run_id, {"a": 2.0}, 2)
    (run,) = tracker.runs()
    assert (run.status, run.metrics, run.params["lr"]) == ("RUNNING", {"a": 2.0}, "0.1")


@pytest.mark.parametrize(("state", "status"), [(FAILED, "FAILED"), (INTERRUPTED, "KILLED")])
def test_a_run_that_did_not_finish_keeps_its_metrics_and_says_so(state, status, tracker):
    run_id = start(tracker)
    tracker.log(run_id, {"a": 1.0}, 1)
    tracker.close(run_id, state, status, {"error": "why"})
    (run,) = tracker.runs()
    assert (run.status, run.tags["state"], run.tags["error"], run.metrics) == (status, state, "why", {"a": 1.0})


def test_all_runs_come_back_in_order_however_many_pages(tracker, monkeypatch):
    monkeypatch.setattr("study.track.PAGE", 3)
    for number in range(7):
        start(tracker, f"run-{number}")
    assert [run.name for run in tracker.runs()] == [f"run-{number}" for number in range(7)]


def test_a_deleted_study_is_refused_with_the_command_that_restores_it(tracker):
    tracker.client.delete_experiment(tracker.experiment_id)
    with pytest.raises(InputError, match=f"was deleted in MLflow: .*--experiment-id {tracker.experiment_id}"):
        Tracker(tracker.uri, "a study")


def test_the_other_store_s_file_is_refused_and_left_as_it_was(tmp_path):
    from study.search.storage import open_storage

    url = f"sqlite:///{tmp_path}/optuna.db"
    open_storage(url)
    before = (tmp_path / "optuna.db").read_bytes()
    for open_it in (experiments, lambda uri: Tracker(uri, "s")):
        with pytest.raises(InputError, match="is Optuna's, not MLflow's"):
            open_it(url)
    assert (tmp_path / "optuna.db").read_bytes() == before


def test_stores_that_do_not_belong_together_are_refused(tmp_path):
    for name in ("first", "second"):
        tracker = Tracker(f"sqlite:///{tmp_path}/{name}.db", "s")
        tracker.create(name)
    tracker.create("second")
    with pytest.raises(InputError, match="belongs to another study than the one in --storage"):
        Tracker(tracker.uri, "s").create("first")


@pytest.mark.parametrize(
    "uri", ["nonsense://x", "sqlite:////dev/null/x.db", "http://127.0.0.1:9", "postgresql://nobody@127.0.0.1:9/x"]
)
def test_a_store_that_does_not_answer_is_refused(uri):
    with pytest.raises(InputError, match=r"store .* cannot be opened: ."):
        Tracker(uri, "a study")


def test_studies_are_listed_the_latest_first(tracker):
    second = Tracker(tracker.uri, "second")
    second.create()
    second.describe("# note", {"study.space": "{}"})
    assert list(experiments(tracker.uri)) == ["second", "a study"]
    assert second.tags()["mlflow.note.content"] == "# note"


def test_the_link_opens_the_charts():
    assert charts_link("http://h:5000", "7") == (
        "http://h:5000/#/experiments/7/runs?workflowType=machine_learning&compareRunsMode=CHART"
    )


def test_an_experiment_that_another_process_makes_meanwhile_is_taken(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    slow, fast = Tracker(uri, "s"), Tracker(uri, "s")
    fast.create("one")
    slow.create("one")
    assert slow.experiment_id == fast.experiment_id
    late = Tracker(uri, "t")
    Tracker(uri, "t").create("one")
    with pytest.raises(InputError, match="belongs to another study"):
        late.create("another")


def test_experiments_beyond_the_first_page_are_found(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for name in "abc":
        Tracker(uri, name).create("")
    search = MlflowClient.search_experiments

    def one_a_page(self, **asked):
        return search(self, **{"max_results": 1, **asked})

    monkeypatch.setattr(MlflowClient, "search_experiments", one_a_page)
    assert set(experiments(uri)) == {"a", "b", "c"}


def test_a_value_that_is_not_finite_never_reaches_the_tracker():
    from study.core.train import Epoch
    from study.outputs.names import epoch_metrics, summary

    epoch = Epoch(1, 5, math.nan, 0.1, math.inf, 0.1, 0.1, math.nan, 1.0, 1.0, 10.0, diverged_at=3)
    recorded = {**epoch_metrics(epoch), **summary([epoch], "diverged", 0.1)}
    assert all(math.isfinite(value) for value in recorded.values())
    assert (recorded["objective"], recorded["diverged_epoch"], recorded["diverged_step"]) == (0.1, 1, 3)
    assert "train/loss" not in recorded
