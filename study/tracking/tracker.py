"""The tracking store: plain dicts in, MLflow runs out."""

import csv
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

from hyperstudy.study.core.errors import InputError, StoreError
from hyperstudy.study.core.temporary import temporary_files
from hyperstudy.study.outputs.names import FINISHED, HISTORY, INTERRUPTED, PHASES, finite
from hyperstudy.study.tracking.client import open_client
from hyperstudy.study.tracking.store import artifact_root, flush

FLUSH_SECONDS = 5.0
BATCH = 800  # metrics in one `log_batch`: MLflow takes 1,000 metrics, parameters and tags
PAGE = 5000  # runs in one answer of `search_runs`
NOTE = "mlflow.note.content"
STATE = "state"
EARLIER_COLUMNS = {  # columns of a history file of earlier versions
    **{
        "train_loss": "train/loss",
        "train_accuracy": "train/accuracy",
        "lr": "train/lr",
        "grad_norm": "train/grad_norm",
    },
    **{"steps": "train/steps", "val_loss": "val/loss", "val_accuracy": "val/accuracy"},
    **{name: f"time/{name}" for name in ("train_seconds", "val_seconds", "images_per_second")},
}
KILLED, DONE = "KILLED", "FINISHED"  # statuses of MLflow


class Run(NamedTuple):
    """A tracked run in plain types. `status` is MLflow's; the `state` tag says what became of the trial."""

    run_id: str
    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: str  # a URI
    start_ms: int = 0  # since 1970
    end_ms: int | None = None

    @property
    def state(self) -> str:
        """What became of the trial; empty while it runs."""
        return self.tags.get(STATE, "")

    @property
    def phase(self) -> str:
        return self.tags.get("phase", "")


class Waiting:
    """Parameters and metrics of an open run that are not yet written."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = [Param(key, str(value)) for key, value in params.items()]
        self.metrics: list[Metric] = []
        self.written = time.monotonic()


class Tracker:
    """One experiment of a tracking store.

    Parameters and metrics are written in batches: a whole trial at once costs what a single metric costs. A run's
    `state` tag is written after everything else, so that a run that has it is complete, whatever its status says.
    """

    def __init__(self, uri: str, experiment: str) -> None:
        """Open the store, and the experiment if it exists; `create` makes it, and its identifier is empty until then.
        Raises `InputError`."""
        self.uri, self.experiment = uri, experiment
        self._waiting: dict[str, Waiting] = {}
        self.client = open_client(uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage != "active":
            raise InputError(
                f"study {experiment!r} was deleted in MLflow: restore it there (mlflow experiments restore "
                f"--experiment-id {found.experiment_id}), or give this one another name with --study"
            )
        self.experiment_id: str = found.experiment_id if found else ""

    def create(self) -> None:
        """Make the experiment if it does not exist; its artifacts lie beside a database file."""
        if not self.experiment_id:
            root = artifact_root(self.uri)
            try:
                self.client.create_experiment(self.experiment, (root / self.experiment).as_uri() if root else None)
            except MlflowException:  # another process may have been faster
                if self.client.get_experiment_by_name(self.experiment) is None:
                    raise
            self.experiment_id = self.client.get_experiment_by_name(self.experiment).experiment_id

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
        run_id = self.client.create_run(self.experiment_id, run_name=name, tags=tags).info.run_id
        self._waiting[run_id] = Waiting(params)
        self.client.log_inputs(run_id, list(datasets))
        return run_id

    def log(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        """Record metrics of one epoch; they are written a few seconds later, together with others."""
        self._add(run_id, metrics, step)
        if time.monotonic() - self._waiting[run_id].written > FLUSH_SECONDS:
            self._write(run_id)

    def finish(
        self,
        run_id: str,
        state: str,
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
        status: str = DONE,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Close a run with its summary metrics and its artifacts by file name."""
        self._add(run_id, metrics, step=0)
        with tempfile.TemporaryDirectory() as folder:
            with temporary_files():
                for name, content in files.items():
                    Path(folder, name).write_bytes(content)
            self.client.log_artifacts(run_id, folder)
        self.close(run_id, state, status, tags)

    def close(self, run_id: str, state: str, status: str, tags: Mapping[str, str] | None = None) -> None:
        """Write the run's state and end it."""
        self._write(run_id, {**(tags or {}), STATE: state})
        self.client.set_terminated(run_id, status)
        self._waiting.pop(run_id, None)

    def close_left_open(self) -> None:
        """Close the runs that a driver left running when it died; a run that has its state tag had ended."""
        for run in self.runs("attributes.status = 'RUNNING'"):
            if run.phase in PHASES:
                state = run.state or INTERRUPTED
                self.close(run.run_id, state, DONE if state in FINISHED else KILLED)

    def _add(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        self._waiting[run_id].metrics.extend(Metric(name, value, now, step) for name, value in metrics.items())

    def _write(self, run_id: str, tags: Mapping[str, str] | None = None) -> None:
        """Write the run's waiting parameters and metrics, and then tags."""
        waiting = self._waiting.get(run_id) or Waiting({})
        metrics, params = waiting.metrics, waiting.params
        waiting.metrics, waiting.params, waiting.written = [], [], time.monotonic()
        while len(metrics) > BATCH:
            self.client.log_batch(run_id, metrics[:BATCH])
            del metrics[:BATCH]
        self.client.log_batch(run_id, metrics, params, [RunTag(name, value) for name, value in (tags or {}).items()])

    def runs(self, condition: str = "", deleted: bool = False) -> list[Run]:
        """All runs of the experiment that meet an MLflow filter, oldest first; or those that were deleted."""
        found, token = [], None
        kind = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        while True:
            page = self.client.search_runs(
                [self.experiment_id], condition, kind, PAGE, ["attributes.start_time"], token
            )
            found += page
            if not (token := page.token):
                return [_plain(run) for run in found]

    def curves(self, runs: Iterable[Run]) -> Iterator[tuple[str, list[dict[str, float]]]]:
        """Every run's identifier with its metrics by epoch, under the names by which they are charted, and `epoch`.

        From the run's history file, one read a run; from MLflow's metrics, one query a metric, where there is none.
        """
        for run in runs:
            yield run.run_id, self._history(run) or self._points(run)

    def _history(self, run: Run) -> list[dict[str, float]]:
        """The rows of the run's history file; empty if it is missing or damaged."""
        try:
            file = Path(
                mlflow.artifacts.download_artifacts(artifact_uri=f"{run.artifacts}/{HISTORY}", tracking_uri=self.uri)
            )
            with file.open(newline="", encoding="utf-8") as text:
                names, *rows = csv.reader(text, strict=True)
            names = [EARLIER_COLUMNS.get(name, name) for name in names]
            told = [
                finite({name: float(value) for name, value in zip(names, row, strict=True) if value}) for row in rows
            ]
            numbers = [row["epoch"] for row in told]
        except (MlflowException, OSError, ValueError, KeyError, csv.Error):
            return []
        return told if len(told) == run.metrics.get("epochs", len(told)) and numbers == sorted(numbers) else []

    def _points(self, run: Run) -> list[dict[str, float]]:
        epochs: dict[int, dict[str, float]] = {}
        for name, values in self.points(run).items():
            for step, value in values.items():
                if step:  # the first epoch is 1; metrics of the whole run are at 0
                    epochs.setdefault(step, {"epoch": float(step)})[name] = value
        return [epochs[step] for step in sorted(epochs)]

    def points(self, run: Run) -> dict[str, dict[int, float]]:
        """MLflow's metrics of a run by name and epoch, those of the whole run at 0; one query a metric.

        Of several values for one epoch, the last that was written.
        """
        found = {name: self.client.get_metric_history(run.run_id, name) for name in run.metrics}
        return {
            name: {point.step: point.value for point in sorted(points, key=lambda point: point.timestamp)}
            for name, points in found.items()
        }

    def digests(self, run: Run) -> dict[str, str]:
        """Digests of the data sets that a run used, by name."""
        inputs = self.client.get_run(run.run_id).inputs.dataset_inputs
        return {row.dataset.name: row.dataset.digest for row in inputs}

    def contents(self, run: Run, names: Iterable[str]) -> dict[str, bytes]:
        """Those of the named artifacts that the store holds."""
        there = {file.path for file in self.client.list_artifacts(run.run_id)}
        with tempfile.TemporaryDirectory() as folder:
            return {name: self.download(run.run_id, name, Path(folder)).read_bytes() for name in names if name in there}

    def download(self, run_id: str, path: str, folder: Path) -> Path:
        """A local copy of one artifact; raises `InputError` if the run has lost it, `StoreError` if it cannot be
        copied."""
        parent = str(PurePosixPath(path).parent)
        # Asked first: a server answers for a file that it does not have as it does where it fails.
        there = self.client.list_artifacts(run_id, None if parent == "." else parent)
        if path not in {file.path for file in there}:
            raise InputError(
                f"run {run_id} of study {self.experiment!r} has no file {path!r} any more: the command of the study "
                "trains it again"
            )
        try:
            return Path(self.client.download_artifacts(run_id, path, str(folder)))
        except MlflowException:  # it is there, and MLflow keeps the reason to itself
            told = f"file {path!r} of run {run_id} cannot be read, or not be copied"
            raise StoreError(f"{told}: is a disk full, or are rights missing?") from None

    def attach(self, name: str, folder: Path) -> None:
        """Put a folder's files into the experiment as artifacts of a run of that name, in place of an earlier one."""
        earlier = self.runs(f"attributes.run_name = '{name}'")
        run_id = self.client.create_run(self.experiment_id, run_name=name, tags={"phase": name}).info.run_id
        self.client.log_artifacts(run_id, str(folder))
        self.client.set_terminated(run_id, DONE)
        for run in earlier:
            self.client.delete_run(run.run_id)
        flush(self.uri)


def dataset_input(name: str, digest: str, source: str, context: str, counts: Mapping[str, int]) -> DatasetInput:
    """A data set as MLflow records it; `context` is training, validation or testing."""
    row = Dataset(name, digest, "local", json.dumps({"uri": source}), profile=json.dumps(dict(counts)))
    return DatasetInput(row, [InputTag("mlflow.data.context", context)])


def _plain(run: Any) -> Run:
    info, data = run.info, run.data
    plain = (dict(data.params), dict(data.metrics), dict(data.tags))
    return Run(info.run_id, info.run_name, info.status, *plain, info.artifact_uri, info.start_time, info.end_time)
