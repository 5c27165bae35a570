"""The registered model of a study: its champion."""

from contextlib import suppress
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException

from hyperstudy.study.core.text import markdown
from hyperstudy.study.tracking.tracker import DONE, Tracker

ALIAS = "champion"


def champion(tracker: Tracker) -> str | None:
    """The run behind the registered model's alias `champion`; None if there is none."""
    try:
        return tracker.client.get_model_version_by_alias(tracker.experiment, ALIAS).run_id
    except MlflowException:
        return None


def register(tracker: Tracker, run_id: str, model: Any, example: Any, output: Any) -> str:
    """Log a torch module as the run's MLflow model and make it the study's champion.

    A network that torch cannot export is registered as the run's files, which need the user's code; the answer says
    why, and is empty otherwise.

    `example` is an array of pictures that `model` maps to the array `output`; it holds two or more, since from a batch
    of one torch.export would fix the batch size.
    """
    client = tracker.client
    mlflow.set_tracking_uri(tracker.uri)
    ended = client.get_run(run_id).info.end_time
    logged, reason = None, ""
    with mlflow.start_run(run_id) as run:
        try:
            logged = mlflow.pytorch.log_model(
                model,
                name="model",
                signature=mlflow.models.infer_signature(example, output),
                input_example=example,
                serialization_format="pt2",  # needs no code of this project to load
                pip_requirements=["mlflow", "torch", "numpy"],
            )
        except Exception as error:  # torch.export raises errors of many kinds
            reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    client.set_terminated(run_id, DONE, ended)  # logging a model reopens the run; its duration is its training's
    with suppress(MlflowException):  # there already
        client.create_registered_model(tracker.experiment)
    source, number = (logged.model_uri, logged.model_id) if logged else (run.info.artifact_uri, None)
    version = client.create_model_version(tracker.experiment, source, run_id, model_id=number, await_creation_for=0)
    client.set_registered_model_alias(tracker.experiment, ALIAS, version.version)
    return reason


def explain(tracker: Tracker, why: str) -> None:
    """Describe the champion where the registry shows it, which renders Markdown."""
    version = tracker.client.get_model_version_by_alias(tracker.experiment, ALIAS)
    tracker.client.update_model_version(tracker.experiment, version.version, markdown(why))
