"""Runs that a store holds, as they can be trained again: found by name, or drawn; with their result."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from hyperstudy.study.comparisons.repeats import FILES, Curves
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import FINISHED, PHASES
from hyperstudy.study.tracking.experiments import experiments, find_study
from hyperstudy.study.tracking.memory import Kept
from hyperstudy.study.tracking.tracker import Run, Tracker

LISTED = 5  # runs of which one could be meant


class Recorded(NamedTuple):
    """A finished run of a store, what is kept of it, and the metrics of its history file by name and epoch."""

    run: Run
    kept: Kept
    history: Curves


def named(uri: str, study: str | None, text: str) -> tuple[Tracker, Run]:
    """The run with that name, or whose identifier begins so, in the study or in the latest that has one; raises
    `InputError`."""
    for name in [find_study(uri, study)] if study else experiments(uri):
        tracker = Tracker(uri, name)
        found = [run for run in tracker.runs() if run.name == text or run.run_id.startswith(text)]
        found = [run for run in found if run.state in FINISHED] or found[-1:]  # others of a name were cut off
        if len(found) > 1:
            listed = ", ".join(f"{run.run_id} ({run.name})" for run in found[:LISTED])
            raise InputError(f"run {text!r} of study {name!r} could be any of {len(found)}: {listed}")
        if found:
            _check(name, found[0])
            return tracker, found[0]
    place = f"study {study!r}" if study else f"store {uri!r}"
    raise InputError(f"run must have a name or an identifier that {place} holds; got {text!r}")


def drawn(uri: str, study: str | None, count: int, seed: int) -> tuple[Tracker, list[Run]]:
    """Finished runs of a study, by default the latest, drawn at random; all of them if there are no more than `count`.
    Raises `InputError` if there is none."""
    tracker = Tracker(uri, find_study(uri, study))
    finished = [run for run in tracker.runs() if run.phase in PHASES and run.state in FINISHED]
    if not finished:
        raise InputError(f"study {tracker.experiment!r} has no finished run of this project")
    return tracker, random.Random(seed).sample(finished, min(count, len(finished)))


def read(tracker: Tracker, runs: Iterable[Run]) -> list[Recorded]:
    """The runs with what the store holds of them."""
    return [
        Recorded(run, Kept(run.state, tracker.points(run), tracker.contents(run, FILES), run.tags), _by_name(epochs))
        for run in runs
        for _, epochs in tracker.curves([run])
    ]


def _check(study: str, run: Run) -> None:
    """Raise `InputError` for a run with which nothing can be compared."""
    if run.phase not in PHASES:
        raise InputError(f"run {run.name!r} of study {study!r} was not trained by this project: it has no phase")
    if run.state not in FINISHED:
        state = run.state or "still running"
        raise InputError(f"run {run.name!r} of study {study!r} must be {', '.join(FINISHED)}; it is {state}")


def _by_name(epochs: Iterable[dict[str, float]]) -> Curves:
    found: dict[str, dict[int, float]] = {}
    for epoch in epochs:
        for name in epoch.keys() - {"epoch"}:
            found.setdefault(name, {})[int(epoch["epoch"])] = epoch[name]
    return found
