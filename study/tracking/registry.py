"""The registered model of a study: its champion."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from hyperstudy.study.core.errors import OneLineError
from hyperstudy.study.core.temporary import temporary_files
from hyperstudy.study.core.text import markdown
from hyperstudy.study.tracking.client import patiently
from hyperstudy.study.tracking.tracker import Tracker

ALIAS = "champion"
TRUST = (
    "Load it only from a store that you trust: study.run saves an exported graph with its weights and no pickled code, "
    "but `mlflow.pyfunc.load_model` runs whatever code the stored files name."
)
MODEL = "model"  # the folder of a run's artifacts that holds the registered model
ROOM = 1_000_000  # bytes of a saved model, at most, beside its weights and its example
NUMBER = 24  # bytes, at most, of a number of the example, which MLflow writes as text, twice


def champion(tracker: Tracker) -> str | None:
    """The run behind the registered model's alias `champion`; None if there is none."""
    try:
        return tracker.client.get_model_version_by_alias(tracker.experiment, ALIAS).run_id
    except MlflowException:  # it has none; a store that does not answer is another error
        return None


def has_files(tracker: Tracker) -> bool:
    """Whether the champion's files are where they were registered."""
    version = tracker.client.get_model_version_by_alias(tracker.experiment, ALIAS)
    place = tracker.client.get_model_version_download_uri(tracker.experiment, version.version)
    listed = partial(mlflow.artifacts.list_artifacts, artifact_uri=place, tracking_uri=tracker.uri)
    return bool(patiently(tracker.uri, listed))


def register(tracker: Tracker, run_id: str, model: Any, example: Any, output: Any) -> str:
    """Keep a torch module with the run as an MLflow model and make it the study's champion.

    A network that torch cannot export is registered as the run's files, which need the user's code; the answer says
    why, and is empty otherwise. A call that was cut off can be repeated: a run has one model and one version.

    `example` is an array of pictures that `model` maps to the array `output`; it holds two or more, since from a batch
    of one torch.export would fix the batch size.
    """
    client, name, reason = tracker.client, tracker.experiment, ""
    source = client.get_run(run_id).info.artifact_uri
    with TemporaryDirectory() as folder:
        try:
            with temporary_files():
                _export(model, Path(folder, MODEL), example, output)
        except OneLineError:
            raise
        except Exception as error:  # torch.export raises errors of many kinds
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        else:
            client.log_artifacts(run_id, folder)
            source += f"/{MODEL}"
    with suppress(MlflowException):  # there already
        client.create_registered_model(name, description=TRUST)
    versions = [row for row in client.search_model_versions(f"run_id = '{run_id}'") if row.name == name]
    version = versions[0] if versions else client.create_model_version(name, source, run_id, await_creation_for=0)
    client.set_registered_model_alias(name, ALIAS, version.version)
    return reason


def explain(tracker: Tracker, why: str) -> None:
    """Describe the champion where the registry shows it, which renders Markdown."""
    version = tracker.client.get_model_version_by_alias(tracker.experiment, ALIAS)
    tracker.client.update_model_version(tracker.experiment, version.version, markdown(why))


def _export(model: Any, folder: Path, example: Any, output: Any) -> None:
    """Save a model that needs no code of this project to load. Room is made sure of first: where a disk is full, torch
    ends the process."""
    room = folder.with_name("room")
    room.write_bytes(bytes(ROOM + NUMBER * example.size + sum(tensor.nbytes for tensor in model.state_dict().values())))
    room.unlink()
    mlflow.pytorch.save_model(
        model,
        str(folder),
        signature=mlflow.models.infer_signature(example, output),
        input_example=example,
        serialization_format="pt2",
        pip_requirements=["mlflow", "torch", "numpy"],
    )
