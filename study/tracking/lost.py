"""Runs that a study had when it was last driven and that its store has no more: deleted in MLflow, or without files."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import CONFIRM, FINISHED, INTERRUPTED, PHASES, ROLES
from hyperstudy.study.tracking.registry import champion, has_files
from hyperstudy.study.tracking.store import artifact_root
from hyperstudy.study.tracking.tracker import KILLED, Run, Tracker

KEPT = "study.finished"  # the experiment tag with the number of finished runs by phase
NAMED = 6  # runs at most in one line


def keep(tracker: Tracker) -> None:
    """Keep how many finished runs the study has, as one that has all that it needs."""
    tracker.tag(KEPT, json.dumps(_counts(tracker.runs())))


def keeping(tracker: Tracker) -> Callable[[Mapping[str, str]], None]:
    """To be called with the tags of each run that has finished: keeps how many the study has, so that a loss is seen
    also if this driver is killed. What was lost before stays lost until as many are there again."""
    counts, kept = Counter[str](), Counter(_kept(tracker))

    def count(tags: Mapping[str, str]) -> None:
        if counts:
            counts[tags["phase"]] += 1
        else:
            counts.update(_counts(tracker.runs()))  # with this run
        if counts - kept:
            kept.update(counts - kept)
            tracker.tag(KEPT, json.dumps(kept))

    return count


def lost(tracker: Tracker) -> str:
    """What is lost: how many finished runs, and which, as far as MLflow still knows their names; runs' files; the
    champion's files. Empty if nothing is."""
    runs = tracker.runs()
    there, told = _counts(runs), []
    if count := sum(max(0, number - there[phase]) for phase, number in _kept(tracker).items()):
        names = {run.name for run in tracker.runs(deleted=True) if _finished(run)} - {run.name for run in runs}
        told.append(f"{count} lost run{'s' * (count > 1)}: {_listed(names) or 'MLflow has no trace of them'}")
    if bare := _without_files(tracker, runs):
        told.append(f"{len(bare)} run{'s' * (len(bare) > 1)} without files: {_listed(run.name for run in bare)}")
    if champion(tracker) is not None and not has_files(tracker):
        told.append("a registered model without files")
    return "; ".join(told)


def check_files(tracker: Tracker) -> None:
    """Raise `InputError` where the folder of all files is gone: it may lie on a disk that is not mounted."""
    root = artifact_root(tracker.uri)
    if root is not None and not root.is_dir() and _without_files(tracker, tracker.runs()):
        raise InputError(f"store {tracker.uri!r} has lost the folder of all its files: bring {str(root)!r} back")


def drop_without_files(tracker: Tracker) -> None:
    """Let the finalists' runs whose files were removed be trained again."""
    for run in _without_files(tracker, tracker.runs()):
        tracker.close(run.run_id, INTERRUPTED, KILLED, {"error": "its files were removed"})


def _without_files(tracker: Tracker, runs: Iterable[Run]) -> list[Run]:
    """The finished confirmation runs of finalists that have no file any more; of others the metrics are enough."""
    confirmed = (run for run in runs if run.phase == CONFIRM and _finished(run) and run.tags.get("role") in ROLES)
    return [run for run in confirmed if not tracker.client.list_artifacts(run.run_id)]


def _kept(tracker: Tracker) -> dict[str, int]:
    return json.loads(tracker.tags().get(KEPT, "{}"))


def _counts(runs: Iterable[Run]) -> Counter[str]:
    return Counter(run.phase for run in runs if _finished(run))


def _finished(run: Run) -> bool:
    return run.phase in PHASES and run.state in FINISHED


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
