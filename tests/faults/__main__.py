"""Let each call of a short study fail in turn, then give the same command again: `python -m tests.faults`.

As SQLite's own tests do: the n-th call of the store, of the file system or of the worker's pipe fails, for every n. The
study must end as it does without a fault, with one line where its command ended early.
"""

import io
import os
import pickle
import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import torch
from mlflow.artifacts import list_artifacts

from hyperstudy.study.commands import course
from hyperstudy.study.core.errors import Parser, count, exit_code
from hyperstudy.study.run import main as study_run
from hyperstudy.study.tracking import client
from hyperstudy.study.tracking.tracker import Tracker
from tests.faults.sites import KINDS, PIPE, POOLS, FragilePool, Here, Kind, Observed, Site, audit
from tests.tracking.runs import empty_store

STUDY = "digits-softmax"
OWN = (
    "study.command",
    "study.places",
    "mlflow.note.content",
    "study.driver",
)  # tags of store and process
WORDS = ["--model", "softmax", "--batch-size", "64", "--epochs", "1", "--trials", "2", "--confirm-seeds", "1"]
torch.set_num_threads(1)  # before any work: threads do not survive a fork


def forked(work: Callable[[], Any]) -> tuple[Any, str]:
    """What the work returns in a process of its own, and what it prints; None in place of the first if it was killed.

    Both come through pipes, so that a fault of files does not reach them.
    """
    said, found = os.pipe(), os.pipe()
    if not (child := os.fork()):
        with open(said[1], "w") as text, redirect_stdout(text), redirect_stderr(text):
            result = work()
        with open(found[1], "wb") as pipe:
            pickle.dump(result, pipe)
        os._exit(0)
    os.close(said[1])
    os.close(found[1])
    with open(said[0]) as text, open(found[0], "rb") as pipe:
        told, result = text.read(), pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(result) if result else None, told


def command(folder: Path, pool: type, site: Site | None = None) -> tuple[int, int]:
    """The study's exit code, and how many calls the site had."""
    client.MlflowClient, client.PAUSE_SECONDS = Observed, 0
    POOLS[:] = [FragilePool(1, torch.device("cpu"))] if pool is FragilePool else []
    course.make_pool = lambda *_: POOLS[0] if POOLS else Here()
    code = study_run([*WORDS, "--tracking-uri", f"sqlite:///{folder}/mlflow.db"])
    for each in POOLS:
        each.close()
    return code, site.count if site else 0


def picture(folder: Path) -> dict[str, Any]:
    """All that a study left, but for times and runs that were interrupted."""
    tracker = Tracker(f"sqlite:///{folder}/mlflow.db", STUDY)
    runs, tags = tracker.runs(), tracker.tags()
    kept = [run for run in runs if run.state != "interrupted"]
    mlflow.set_tracking_uri(tracker.uri)
    version = tracker.client.get_model_version_by_alias(STUDY, "champion")
    return {
        "statuses": {run.status for run in runs if run.state == "interrupted"} <= {"KILLED"},
        "running": sum(run.status == "RUNNING" for run in runs),
        "runs": sorted(map(_numbers, kept)),
        "files": {run.name: sorted(file.path for file in tracker.client.list_artifacts(run.run_id)) for run in kept},
        "tags": {name: text for name, text in tags.items() if name not in OWN},
        "champion": (tracker.client.get_run(version.run_id).info.run_name, version.description.partition(" at ")[0]),
        "model": sorted(file.path for file in list_artifacts(artifact_uri=version.source)),
    }


def _numbers(run: Any) -> tuple[Any, ...]:
    metrics = {name: value for name, value in run.metrics.items() if "second" not in name}
    return run.name, run.phase, run.status, run.state, sorted(run.params.items()), sorted(metrics.items())


def trial_of(kind: Kind, at: int, expected: dict[str, Any]) -> str:
    """What is wrong after a fault at the n-th call; empty if nothing is."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        folder, pool = Path(name), FragilePool if kind.site is PIPE else Here
        shutil.copyfile(empty_store(), folder / "mlflow.db")
        kind.site.arm(at, kind.fault, kind.after)
        ended, told = forked(partial(command, folder, pool))
        kind.site.arm(0, None, False)
        code, _ = ended or (None, 0)
        if "Traceback" in told or code not in (0, 1, None):
            return f"it ended with {code}: {told[-2000:]}"
        if code == 1 and not told.endswith("; the same command goes on\n"):
            return f"it does not say that the same command goes on: {told[-500:]}"
        if code != 0:
            again, told = forked(partial(command, folder, Here))
            if again != (0, 0):
                return f"the same command again ended with {again}: {told[-2000:]}"
        found = forked(partial(picture, folder))[0] or {}
        wrong = (key for key in expected if found.get(key) != expected[key])
        return "; ".join(f"{key}: {_difference(found.get(key), expected[key])}" for key in wrong)


def _difference(found: Any, expected: Any) -> str:
    """Both, without what they share."""
    if isinstance(found, dict | list) and isinstance(expected, dict | list):
        ours, theirs = ([*map(str, row.items() if isinstance(row, dict) else row)] for row in (found, expected))
        found, expected = list(Counter(ours) - Counter(theirs)), list(Counter(theirs) - Counter(ours))
    return f"{str(found)[:300]}, not {str(expected)[:300]}"


def baseline() -> dict[str, Any]:
    """The study without a fault; run here, so that all is imported before a process is forked."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        shutil.copyfile(empty_store(), Path(name, "mlflow.db"))
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            assert command(Path(name), Here) == (0, 0), said.getvalue()
        return picture(Path(name))


def calls_of(site: Site) -> int:
    """How many calls a study makes at a site."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        shutil.copyfile(empty_store(), Path(name, "mlflow.db"))
        site.arm(0, None, False)
        pool = FragilePool if site is PIPE else Here
        (_, calls), _ = forked(partial(command, Path(name), pool, site))
        return calls


def sweep(kinds: dict[str, Kind], every: int, first: int = 1) -> dict[str, Counter[str]]:
    """How many faults of each kind were tried, and how many a study survived; prints what went wrong."""
    sys.addaudithook(audit)
    expected, found = baseline(), {}
    calls = {id(site): calls_of(site) for site in {id(kind.site): kind.site for kind in kinds.values()}.values()}
    for name, kind in kinds.items():
        found[name], started = Counter(calls=calls[id(kind.site)]), time.monotonic()
        for at in range(first, calls[id(kind.site)] + 1, every):
            wrong = trial_of(kind, at, expected)
            found[name] += Counter(tried=1, survived=not wrong)
            if wrong:
                print(f"{name}, call {at}: {wrong}", flush=True)
        row = found[name]
        counts = f"{row['survived']} of {row['tried']} survived, of {row['calls']} calls"
        print(f"{name}: {counts}, {time.monotonic() - started:.0f} s", flush=True)
    return found


def main() -> int:
    parser = Parser(prog="python -m tests.faults", description=__doc__, allow_abbrev=False)
    parser.add_argument("--every", type=count("every", 1), default=1, metavar="N", help="only each N-th call")
    parser.add_argument("--first", type=count("first", 1), default=1, metavar="N", help="from this call on")
    parser.add_argument("--kind", choices=KINDS, help="default: all")
    return _print(parser.parse(None))


def _print(options: Namespace) -> int:
    kinds = {options.kind: KINDS[options.kind]} if options.kind else KINDS
    found = sweep(kinds, options.every, options.first)
    return 0 if all(row["tried"] == row["survived"] for row in found.values()) else 1


if __name__ == "__main__":
    sys.exit(exit_code("tests.faults", main))
