"""What several tests share: small pictures, the real data where they lie, and one finished study."""

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

OURS = ("STUDY_DATA_DIR", "MLFLOW_TRACKING_URI", "COLUMNS")  # variables that would lead a test elsewhere
for variable in OURS:
    os.environ.pop(variable, None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402
from sqlalchemy import event  # noqa: E402
from sqlalchemy.engine import Engine  # noqa: E402

from hyperstudy.study.core.data.datasets import DATASETS  # noqa: E402
from hyperstudy.study.core.data.splits import Splits, load_splits  # noqa: E402
from hyperstudy.study.core.own import LOADED, REGISTRIES  # noqa: E402
from hyperstudy.study.tracking.tracker import Run, Tracker  # noqa: E402

ROOT = Path(__file__).parent.parent
REAL_DATA = ROOT.parent / "shared" / "data"

torch.set_num_threads(1)
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


@event.listens_for(Engine, "connect")
def _without_waiting_for_the_disk(connection: object, _: object) -> None:
    """A test's store need not outlive a power cut."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts tests in the background ignores it


def python(*words: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run `python *words` as a user would, in the given folder, with these variables in the environment. It shows no
    warning but those of libraries about themselves."""
    surroundings = {**environment(), **variables}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=500
    )
    assert not re.search(r"^(?!.*site-packages).*Warning: ", done.stderr, re.MULTILINE), done.stderr
    return done


def here(main: Callable[[list[str]], int], folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Run a command with the store in the given folder, in this process, where its imports are done already."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*words, "--tracking-uri", store_of(folder)])
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def environment() -> dict[str, str]:
    """The environment of a user's shell, in which the checkout can be imported from any folder."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}  # MLflow sets its own
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def copy_study(folder: Path, to: Path) -> None:
    """Copy a study in another process: closing the database file here would release SQLite's locks on it."""
    subprocess.run([sys.executable, "-c", f"import shutil; shutil.copytree({str(folder)!r}, {str(to)!r})"], check=True)


def store_of(folder: Path) -> str:
    """The URL of the store that a command makes in a folder."""
    return f"sqlite:///{folder}/mlruns/mlflow.db"


def trial_runs(folder: Path, study: str = "digits-cnn") -> list[Run]:
    """All runs of a study but the one that carries its report."""
    return [run for run in Tracker(store_of(folder), study).runs() if run.phase != "report"]


def numbers(folder: Path, study: str) -> list[tuple[object, ...]]:
    """All that a study found, but for times and for runs that were cut off, in the order of their names."""
    return sorted(
        (run.name, run.params, {n: v for n, v in run.metrics.items() if "second" not in n}, run.state)
        for run in trial_runs(folder, study)
        if run.state != "interrupted"
    )


def in_phase(runs: list[Run], *phases: str) -> list[Run]:
    return [run for run in runs if run.phase in phases]


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.05)


def small(model: str) -> dict[str, object]:
    """Hyperparameters of a model that a test can afford: a tenth of its width where that is large."""
    large = model in ("alexnet", "vgg", "vgg-two-branch")
    return {"model": model, **({"width": 0.1} if large else {})}


@contextmanager
def same_registries() -> Iterator[None]:
    """What is added to the registries goes again."""
    all_of_them = (*REGISTRIES, DATASETS, LOADED)
    before = [dict(registry) for registry in all_of_them]
    try:
        yield
    finally:
        for registry, rows in zip(all_of_them, before, strict=True):
            registry.clear()
            registry.update(rows)


@pytest.fixture(scope="module", autouse=True)
def _rows_go_with_their_module() -> Iterator[None]:
    with same_registries():
        yield


@pytest.fixture(scope="session")
def digits() -> Splits:
    return load_splits("digits", Path("data"), 8)


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory) -> Path:
    """The folder of a small study that ran to its end: 6 trials, confirmed over two seeds."""
    folder = tmp_path_factory.mktemp("study")
    words = "-m study.run --trials 6 --epochs 2 --confirm-seeds 2 --workers 2"
    done = python(*words.split(), cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "output.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data sets, where a machine has them."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real data sets are not beside this checkout")
    return REAL_DATA
