"""A study from Python, in a script or a notebook: `hyperstudy.run`."""

import html
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hyperstudy.models import MODELS, Family
from hyperstudy.process import run_in_process
from hyperstudy.reports.findings import main as write_report
from hyperstudy.reports.frames import JUDGED, Study
from hyperstudy.reports.load import load
from hyperstudy.study.comparisons.finalists import trained_by
from hyperstudy.study.core.data.datasets import DATASETS
from hyperstudy.study.core.data.pictures import Source
from hyperstudy.study.core.data.splits import in_channels
from hyperstudy.study.core.domains import Choice
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.loops import LOOPS, Loop
from hyperstudy.study.outputs.files import Trained
from hyperstudy.study.studies.description import DECISION
from hyperstudy.study.studies.options import parse_options
from hyperstudy.study.tracking.registry import champion
from hyperstudy.study.tracking.store import ROOT, UI_ADDRESS
from hyperstudy.study.tracking.tracker import Tracker

ALLOWED = "allow-scripts allow-popups allow-popups-to-escape-sandbox"  # of a report in a notebook, which it cannot see
FRAME_HEIGHT = 800  # pixels of a report in a notebook


def run(
    model: str | Family | Callable[..., torch.nn.Module] | None = None,
    dataset: str | Source | None = None,
    loop: str | Loop | None = None,
    **options: Any,
) -> "Finished":
    """Run a study, or go on with one that was interrupted; the options are those of `python -m study.run`.

    `model` may be a function that builds a network, or a `Family`; `dataset` a `Source`; `loop` a `Loop`, in place
    of both. A hyperparameter may be a value, a `Range`, a `Choice`, or a list of values: `run(patchnet,
    lr=Range(1e-4, 1e-1), depth=[2, 3])`. `from_` names a file of your own. Raises `InputError`, and
    `StoreError` where the store or a disk fails: the same call goes on.
    """
    words = []
    rows = (("model", model, MODELS, Family), ("dataset", dataset, DATASETS, Source), ("loop", loop, LOOPS, Loop))
    for name, row, registry, kind in rows:
        words += [] if row is None else [f"--{name}", _named(row, registry, kind)]
    for name, value in options.items():
        words += [f"--{name.rstrip('_').replace('_', '-')}", _text(value)]
    checked = parse_options(words)
    complete = run_in_process(words) == 0
    return Finished(checked.study, checked.tracking_uri, complete)


class Finished:
    """A study that was run. In a notebook it shows its decision."""

    def __init__(self, name: str, tracking_uri: str, complete: bool) -> None:
        self.name, self.tracking_uri, self.complete = name, tracking_uri, complete

    @cached_property
    def _study(self) -> Study:
        return load(self.tracking_uri, self.name, UI_ADDRESS)

    @property
    def trials(self) -> pd.DataFrame:
        """A row per run of the study: phase, state, every hyperparameter, every summary metric; the objective as it is,
        of a loss the loss."""
        frame, own = self._study.runs.copy(), self._study.objective.own
        return frame.assign(**{name: own(frame[name]) for name in JUDGED if name in frame})

    @property
    def winner(self) -> dict[str, Any]:
        """The winner's hyperparameters; empty without a confirmed winner."""
        return dict(self._study.finalists.get("winner", {}))

    @property
    def decision(self) -> str:
        """What to use, and how sure one can be."""
        return self._study.tags.get(DECISION, "nothing was confirmed, so there is nothing to recommend yet")

    def report(self, folder: Path = ROOT / "reports") -> "Report":
        """Write the findings report into `folder`; in a notebook it shows itself."""
        words = ["--study", self.name, "--tracking-uri", self.tracking_uri, "--folder", str(folder)]
        if write_report(words):
            raise InputError(f"the report of {self.name} could not be written")
        return Report(Path(folder) / self.name / "report.html")

    @cached_property
    def _trained(self) -> Trained:
        tracker = Tracker(self.tracking_uri, self.name)
        run_id = champion(tracker)
        if run_id is None:
            raise InputError(f"study {self.name!r} has no champion yet")
        return trained_by(tracker, run_id)

    def predict(self, images: Any) -> pd.DataFrame:
        """The winner's probabilities `(N, classes)`, a column per class, for pictures `(N, C, H, W)` or `(N, H, W)` in
        the data set's own pixels."""
        trained = self._trained
        tensor = torch.as_tensor(np.asarray(images))
        tensor = tensor[:, None] if tensor.ndim == 3 else tensor
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        if tensor.ndim != 4:
            got = "x".join(map(str, tensor.shape))
            raise InputError(f"pictures must be (N, C, H, W) or (N, H, W); got {got}")
        answers = trained.probabilities(in_channels(tensor, trained.shape[0]))
        return pd.DataFrame(answers.numpy(), columns=list(trained.classes))

    def __repr__(self) -> str:
        return f"{self.name}: {self.decision}"

    def _repr_html_(self) -> str:
        return f"<p><b>{html.escape(self.name)}</b>: {html.escape(self.decision)}</p>"


class Report:
    """A findings report on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        page = html.escape(self.path.read_text(encoding="utf-8"))
        look = f"width: 100%; height: {FRAME_HEIGHT}px; border: 0"
        return f'<iframe srcdoc="{page}" style="{look}" sandbox="{ALLOWED}"></iframe>'


def _named(given: Any, registry: dict[str, Any], kind: Any) -> str:
    """The name of a row; one that is given itself is added under the name of its function."""
    if isinstance(given, str):
        return given
    row = given if isinstance(given, kind) or not callable(given) else kind(given)
    if not isinstance(row, kind):
        raise InputError(f"a {kind.__name__} or its name must be given; got {type(given).__name__}")
    name = getattr(row[0], "__name__", "given").strip("<>_") or "given"
    registry[name] = row
    return name


def _text(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, Choice):
        value = value.options
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)
