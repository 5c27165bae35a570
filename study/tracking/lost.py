"""Runs that a study had when it was last driven and that its store has no more: deleted in MLflow, or without files."""

import json
from collections import Counter
from collections.abc import Iterable

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import CONFIRM, FINISHED, INTERRUPTED, PHASES
from hyperstudy.study.tracking.registry import champion, has_files
from hyperstudy.study.tracking.store import artifact_root
from hyperstudy.study.tracking.tracker import KILLED, Run, Tracker

KEPT = "study.finished"  # the experiment tag with the number of finished runs by phase
NAMED = 6  # runs at most in one line


def keep(tracker: Tracker) -> None:
    """Keep how many finished runs the study has, so that a loss is seen."""
    tracker.tag(KEPT, json.dumps(_counts(tracker.runs())))


def lost(tracker: Tracker) -> str:
    """What is lost: how many finished runs, and which, as far as MLflow still knows their names; runs' files; the
    champion's files. Empty if nothing is."""
    runs, kept = tracker.runs(), json.loads(tracker.tags().get(KEPT, "{}"))
    there, told = _counts(runs), []
    if count := sum(max(0, number - there[phase]) for phase, number in kept.items()):
        names = {run.name for run in tracker.runs(deleted=True) if _finished(run)} - {run.name for run in runs}
        told.append(f"{count} lost run{'s' * (count > 1)}: {_listed(names) or 'MLflow has no trace of them'}")
    if bare := _without_files(tracker, runs):
        told.append(f"{len(bare)} run{'s' * (len(bare) > 1)} without files: {_listed(run.name for run in bare)}")
    if champion(tracker) is not None and not has_files(tracker):
        told.append("a registered model without files")
    return "; ".join(told)


def drop_without_files(tracker: Tracker) -> None:
    """Let the confirmation runs whose files were removed be trained again. Raises `InputError` where the folder of all
    files is gone: it may lie on a disk that is not mounted."""
    root, bare = artifact_root(tracker.uri), _without_files(tracker, tracker.runs())
    if bare and root is not None and not root.is_dir():
        raise InputError(f"store {tracker.uri!r} has lost the folder of all its files: bring {str(root)!r} back")
    for run in bare:
        tracker.close(run.run_id, INTERRUPTED, KILLED, {"error": "its files were removed"})


def _without_files(tracker: Tracker, runs: Iterable[Run]) -> list[Run]:
    """The finished confirmation runs that have no file any more."""
    confirmed = (run for run in runs if run.phase == CONFIRM and _finished(run))
    return [run for run in confirmed if not tracker.client.list_artifacts(run.run_id)]


def _counts(runs: Iterable[Run]) -> Counter[str]:
    return Counter(run.phase for run in runs if _finished(run))


def _finished(run: Run) -> bool:
    return run.phase in PHASES and run.state in FINISHED


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
