"""A study's champion in MLflow's registry, with a small torch module."""

import mlflow
import numpy as np
import pytest
import torch

from hyperstudy.study.core.errors import StoreError
from hyperstudy.study.outputs.names import COMPLETE
from hyperstudy.study.tracking.registry import champion, register
from tests.tracking.runs import files_up_to, make_tracker, start


class Doubles(torch.nn.Module):
    def forward(self, images):
        return images.float().flatten(1) * 2


def test_a_study_has_no_champion_before_one_is_registered(tmp_path):
    assert champion(make_tracker(tmp_path)) is None


def test_the_champion_is_the_latest_registered_and_its_run_keeps_its_end(tmp_path, monkeypatch):
    tracker, pictures = make_tracker(tmp_path), np.ones((2, 1, 2, 2), dtype=np.uint8)
    runs = [start(tracker), start(tracker)]
    for run_id in runs:
        tracker.finish(run_id, COMPLETE, {}, {})
    ends = [run.end_ms for run in tracker.runs()]
    for number, run_id in enumerate(runs, start=1):
        register(tracker, run_id, Doubles().eval(), pictures, pictures.reshape(2, 4) * 2.0)
        assert champion(tracker) == run_id
        version = tracker.client.get_model_version_by_alias("a study", "champion")
        assert (int(version.version), version.run_id) == (number, run_id)
    assert [(run.status, run.end_ms) for run in tracker.runs()] == [("FINISHED", end) for end in ends]
    assert "runs whatever code the stored files name" in tracker.client.get_registered_model("a study").description
    mlflow.set_tracking_uri(tracker.uri)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")  # it needs none
    model = mlflow.pyfunc.load_model("models:/a study@champion")
    assert model.predict(np.full((3, 1, 2, 2), 5, dtype=np.uint8)) == pytest.approx(np.full((3, 4), 10.0))


def test_a_registration_that_was_cut_off_is_completed(tmp_path):
    """A model that is half copied; then a version without an alias."""
    tracker, pictures = make_tracker(tmp_path), np.ones((2, 1, 2, 2), dtype=np.uint8)
    tracker.finish(run_id := start(tracker), COMPLETE, {}, {})
    (half := tmp_path / "half" / "model").mkdir(parents=True)
    (half / "MLmodel").write_text("flavors: {")
    tracker.client.log_artifacts(run_id, str(half.parent))
    for _ in range(2):
        assert champion(tracker) is None
        assert register(tracker, run_id, Doubles().eval(), pictures, pictures.reshape(2, 4) * 2.0) == ""
        assert champion(tracker) == run_id
        tracker.client.delete_registered_model_alias("a study", "champion")
    (version,) = tracker.client.search_model_versions("")
    mlflow.set_tracking_uri(tracker.uri)
    model = mlflow.pyfunc.load_model(f"models:/a study/{version.version}")
    assert model.predict(pictures) == pytest.approx(np.full((2, 4), 2.0))


def test_a_full_disk_is_not_taken_for_a_network_that_cannot_be_exported(tmp_path):
    tracker, pictures = make_tracker(tmp_path), np.ones((2, 1, 2, 2), dtype=np.uint8)
    tracker.finish(run_id := start(tracker), COMPLETE, {}, {})
    with files_up_to(100_000), pytest.raises(StoreError, match="temporary files cannot be written"):
        register(tracker, run_id, Doubles().eval(), pictures, pictures.reshape(2, 4) * 2.0)
    assert champion(tracker) is None
