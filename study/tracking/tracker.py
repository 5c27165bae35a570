"""The tracking store: plain dicts in, MLflow runs out. No other module but `rows` imports mlflow."""

import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from study.core.errors import InputError
from study.tracking import rows
from study.tracking.store import is_server, opening, sqlite_file

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import mlflow.store.tracking.sqlalchemy_store  # a client of a database would import it, when trials wait for it
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.ERROR)

FLUSH_SECONDS = 5.0
BATCH = 800  # metrics in one `log_batch`: MLflow takes 1,000 metrics, parameters and tags
PAGE = 5000  # runs in one answer of `search_runs`
NOTE = "mlflow.note.content"
STATE = "state"
IDENTITY = "study.identity"


class Run(NamedTuple):
    """A tracked run in plain types. `status` is MLflow's; the `state` tag says what became of the trial."""

    run_id: str
    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    start_ms: int = 0  # since 1970
    end_ms: int | None = None


@dataclass
class Open:
    """A run of ours: where its artifacts go, and what waits to be written since it last was, in monotonic seconds."""

    artifacts: ArtifactRepository
    params: list[Param]
    metrics: list[Metric]
    written: float


class Tracker:
    """One experiment of a tracking store.

    Parameters and metrics wait and are written together: a whole trial at once costs what a single metric costs. A
    run's `state` tag is never written before the rest, so that a run that has it is complete, whatever its status says.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        """Open the store, and the experiment if it exists; `create` makes it. Raises `InputError`."""
        self.uri, self.experiment = uri, experiment
        self._open: dict[str, Open] = {}
        self.client = _client(uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage != "active":
            raise InputError(
                f"study {experiment!r} was deleted in MLflow: restore it there (mlflow experiments restore "
                f"--experiment-id {found.experiment_id}), or give this one another name with --study"
            )
        self.experiment_id = found.experiment_id if found else None

    def create(self, identity: str = "") -> None:
        """Make the experiment if it does not exist; its artifacts lie beside a database file.

        `identity` is that of the study in the other store; raises `InputError` if the experiment is of another one.
        """
        if self.experiment_id is None:
            file = sqlite_file(self.uri)
            artifacts = (file.parent.resolve() / "artifacts" / self.experiment).as_uri() if file else None
            tags = {IDENTITY: identity}
            try:
                self.client.create_experiment(self.experiment, artifacts, tags)
            except MlflowException:
                if self.client.get_experiment_by_name(self.experiment) is None:
                    raise
            self.experiment_id = self.client.get_experiment_by_name(self.experiment).experiment_id  # maybe another's
        if self.tags().get(IDENTITY, "") != identity:
            raise InputError(
                f"experiment {self.experiment!r} in {self.uri!r} belongs to another study than the one in --storage: "
                f"name the stores that belong together, or give this study another name with --study"
            )

    def describe(self, note: str, tags: Mapping[str, str]) -> None:
        """Set the experiment's Markdown note, which the UI renders, and its tags."""
        for name, value in {NOTE: note, "mlflow.experimentKind": "custom_model_development", **tags}.items():
            self.tag(name, value)

    def tag(self, name: str, value: str) -> None:
        self.client.set_experiment_tag(self.experiment_id, name, value)

    def tags(self) -> dict[str, str]:
        return dict(self.client.get_experiment(self.experiment_id).tags)

    def start(
        self, name: str, params: Mapping[str, Any], tags: Mapping[str, Any], datasets: Iterable[DatasetInput]
    ) -> str:
        """A new run's identifier."""
        tags = {key: str(value) for key, value in tags.items()}
        run = self.client.create_run(self.experiment_id, run_name=name, tags=tags).info
        artifacts = get_artifact_repository(run.artifact_uri, self.uri)  # a client asks for the run to find the same
        waiting = [Param(key, str(value)) for key, value in params.items()]
        self._open[run.run_id] = Open(artifacts, waiting, [], time.monotonic())
        self.client.log_inputs(run.run_id, list(datasets))
        return run.run_id

    def log(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Record metrics of one epoch; they are written if the run's last were five seconds ago, else they wait."""
        self._add(run_id, metrics, step)
        if time.monotonic() - self._open[run_id].written > FLUSH_SECONDS:
            self._write(run_id)

    def finish(
        self,
        run_id: str,
        state: str,
        metrics: Mapping[str, float],
        folder: Path,
        status: str = "FINISHED",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Close a run with its summary metrics and the files in `folder` as its artifacts."""
        self._add(run_id, metrics, step=0)
        self._open[run_id].artifacts.log_artifacts(str(folder))
        self.close(run_id, state, status, tags)

    def close(self, run_id: str, state: str, status: str, tags: Mapping[str, str] | None = None) -> None:
        """End a run as what it was."""
        self._write(run_id, [RunTag(name, value) for name, value in {**(tags or {}), STATE: state}.items()], status)
        self._open.pop(run_id, None)

    def _add(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        now = _now_ms()
        self._open[run_id].metrics.extend(Metric(name, value, now, step) for name, value in metrics.items())

    def _write(self, run_id: str, tags: Sequence[RunTag] = (), status: str | None = None) -> None:
        """Write what waits, if the run is ours, and tags, after all else where it cannot be at once; then end the run,
        if it has a status to end with."""
        params, metrics = [], []
        if run := self._open.get(run_id):
            params, metrics = run.params, run.metrics
            run.params, run.metrics, run.written = [], [], time.monotonic()
        if not is_server(self.uri):
            ended = {"status": status, "end_time": _now_ms()} if status else {}
            rows.write(self._database, run_id, metrics, params, tags, ended)
            return
        while len(metrics) > BATCH:
            self.client.log_batch(run_id, metrics[:BATCH])
            del metrics[:BATCH]
        if params or metrics or tags:
            self.client.log_batch(run_id, metrics, params, tags)
        if status:
            self.client.set_terminated(run_id, status)

    @property
    def _database(self) -> Engine:
        """The database behind MLflow's client."""
        return self.client._tracking_client.store.engine

    def runs(self, condition: str = "") -> list[Run]:
        """All runs of the experiment that meet an MLflow filter, oldest first."""
        found, token = [], None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], condition, ViewType.ACTIVE_ONLY, PAGE, ["attributes.start_time"], token
            )
            found += page
            if not (token := page.token):
                return [_plain(run) for run in found]

    def histories(self, metrics: Sequence[str]) -> Iterator[tuple[str, str, int, float]]:
        """Run, metric, step and value of every point of these metrics in the experiment, in no particular order.

        A database is asked once for all of them, a server run by run.
        """
        if is_server(self.uri):
            for run in self.runs():
                for metric in metrics:
                    for point in self.client.get_metric_history(run.run_id, metric):
                        yield run.run_id, metric, point.step, point.value
            return
        yield from rows.points_of(self._database, self.experiment_id or "0", metrics)

    def download(self, run_id: str, path: str, folder: Path) -> Path:
        """A local copy of one artifact."""
        return Path(self.client.download_artifacts(run_id, path, str(folder)))

    def attach(self, name: str, folder: Path) -> None:
        """Put a folder's files into the experiment as artifacts of a run of that name, beside what it has already."""
        found = self.client.search_runs([self.experiment_id], f"attributes.run_name = '{name}'", max_results=1)
        run = found[0] if found else self.client.create_run(self.experiment_id, run_name=name, tags={"phase": name})
        self.client.log_artifacts(run.info.run_id, str(folder))
        self.client.set_terminated(run.info.run_id, "FINISHED")

    def champion(self) -> str | None:
        """The run behind the registered model's alias `champion`; None if there is none."""
        try:
            return self.client.get_model_version_by_alias(self.experiment, "champion").run_id
        except MlflowException:
            return None

    def register(self, run_id: str, model: Any, example: Any, output: Any) -> None:
        """Log a torch module as the run's MLflow model and make it the study's `champion`.

        `example` is an array of pictures that `model` maps to the array `output`; it holds two or more, since from a
        batch of one torch.export would fix the batch size.
        """
        mlflow.set_tracking_uri(self.uri)
        ended = self.client.get_run(run_id).info.end_time
        with mlflow.start_run(run_id):
            logged = mlflow.pytorch.log_model(
                model,
                name="model",
                signature=mlflow.models.infer_signature(example, output),
                input_example=example,
                pip_requirements=["mlflow", "torch", "numpy"],
            )
        self.client.set_terminated(run_id, "FINISHED", ended)  # reopened, but its duration is its training's
        with suppress(MlflowException):  # there already
            self.client.create_registered_model(self.experiment)
        version = self.client.create_model_version(
            self.experiment, logged.model_uri, run_id, model_id=logged.model_id, await_creation_for=0
        )
        self.client.set_registered_model_alias(self.experiment, "champion", version.version)


def dataset_input(name: str, digest: str, source: str, context: str, counts: Mapping[str, int]) -> DatasetInput:
    """A data set as MLflow records it; `context` is training, validation or testing."""
    row = Dataset(name, digest, "local", json.dumps({"uri": source}), profile=json.dumps(dict(counts)))
    return DatasetInput(row, [InputTag("mlflow.data.context", context)])


def experiments(uri: str) -> dict[str, str]:
    """Identifiers of the studies in a store by name, the latest first."""
    client, found, token = _client(uri), {}, None
    while True:
        page = client.search_experiments(order_by=["last_update_time DESC"], page_token=token)
        found |= {experiment.name: experiment.experiment_id for experiment in page if experiment.name != "Default"}
        if not (token := page.token):
            return found


def charts_link(base: str, experiment_id: str) -> str:
    """The address that opens the experiment's charts; the UI's own start page is a generative-AI one."""
    return f"{base}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&compareRunsMode=CHART"


def run_link(base: str, experiment_id: str, run_id: str) -> str:
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"


def _client(uri: str) -> MlflowClient:
    """A client of the store, which is made if there is none; raises `InputError` for one that is not MLflow's."""
    file = sqlite_file(uri)
    with opening(uri):
        try:
            if file is not None and _tables(file) & {"studies", "trials"}:
                raise InputError(f"store {uri!r} is Optuna's, not MLflow's")
            client = MlflowClient(uri)
            client.search_experiments(max_results=1)
            return client
        except (MlflowException, SQLAlchemyError, CommandError) as error:
            raise InputError(f"store {uri!r} holds no MLflow data: {str(error).splitlines()[0]}") from None


def _tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _now_ms() -> int:
    """Since 1970."""
    return int(time.time() * 1000)


def _plain(run: Any) -> Run:
    info, data = run.info, run.data
    plain = (dict(data.params), dict(data.metrics), dict(data.tags))
    return Run(info.run_id, info.run_name, info.status, *plain, info.start_time, info.end_time)
