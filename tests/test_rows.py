from mlflow.entities import Metric, Param, RunTag
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from sqlalchemy import select

from study.tracking.tracker import Tracker
from tests.test_track import start


def test_a_database_holds_the_rows_that_mlflow_itself_writes(tmp_path, monkeypatch):
    """Of the same run, written in parts: all points, of each metric the latest, the parameters and the tags."""
    monkeypatch.setattr("study.track.FLUSH_SECONDS", -1.0)
    monkeypatch.setattr("study.track.time.time", lambda: 1234.5)
    tracker = Tracker(f"sqlite:///{tmp_path}/mlflow.db", "a study")
    tracker.create()
    ours, client, why = start(tracker), tracker.client, "because " * 2000
    tags = {"phase": "explore", "trial": "7"}
    theirs = client.create_run(tracker.experiment_id, run_name="run", tags=tags).info.run_id
    client.log_batch(theirs, params=[Param("lr", "0.1"), Param("depth", "2")])
    for step in (1, 2, 3):
        metrics = {"val/loss": 1 / step, "val/accuracy": step / 3, **({"objective": 1.0} if step == 2 else {})}
        tracker.log(ours, metrics, step)
        client.log_batch(theirs, [Metric(name, value, 1234500, step) for name, value in metrics.items()])
    for state in ("failed", "interrupted"):
        tracker.close(ours, state, "FAILED", {"error": why})
        client.log_batch(theirs, tags=[RunTag("state", state), RunTag("error", why)])
        client.set_terminated(theirs, "FAILED", 1234500)
    own = ("run_uuid", "start_time", "artifact_uri")
    for table in (SqlMetric, SqlLatestMetric, SqlParam, SqlTag, SqlRun):
        columns = [column for column in table.__table__.columns if column.name not in own]
        with tracker._database.connect() as connection:
            rows = [connection.execute(select(*columns).where(table.run_uuid == run)).all() for run in (ours, theirs)]
        assert sorted(map(repr, rows[0])) == sorted(map(repr, rows[1]))
        assert rows[0]
