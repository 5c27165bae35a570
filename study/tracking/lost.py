"""Finished runs that a study had and that its store has no more: deleted in MLflow, or without files."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from hyperstudy.study.core.errors import InputError
from hyperstudy.study.outputs.names import CONFIRM, FINISHED, INTERRUPTED, PHASES, ROLES
from hyperstudy.study.tracking.registry import champion, has_files
from hyperstudy.study.tracking.store import artifact_root
from hyperstudy.study.tracking.tracker import KILLED, Run, Tracker

KEPT = "study.runs"  # the experiment tag with the number of finished runs by phase and role
NAMED = 6  # runs at most in one line


def settle_losses(tracker: Tracker) -> None:
    """Forget what was lost: the runs that are there are all that the study needs."""
    _keep(tracker, _counts(tracker.runs()))


def keeping(tracker: Tracker) -> Callable[[Mapping[str, str]], None]:
    """To be called with the tags of each run that has finished: keeps how many of its phase and role the study has, so
    that a loss is seen also if this driver is killed. Losses stay known until as many are there again."""
    there, kept = Counter[str](), _kept(tracker)

    def count(tags: Mapping[str, str]) -> None:
        if there:
            there[_kind(tags)] += 1
        else:
            there.update(_counts(tracker.runs()))  # with this run
        if more := there - kept:
            kept.update(more)
            _keep(tracker, kept)

    return count


def lost(tracker: Tracker) -> str:
    """What is lost: how many finished runs, and which, as far as MLflow still knows their names; runs' files; the
    champion's files. Empty if nothing is."""
    runs = tracker.runs()
    there, told = _counts(runs), []
    if count := (_kept(tracker) - there).total():
        names = {run.name for run in tracker.runs(deleted=True) if _finished(run)} - {run.name for run in runs}
        told.append(f"{count} lost run{'s' * (count > 1)}: {_listed(names) or 'MLflow has no trace left'}")
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
    if bare := _without_files(tracker, tracker.runs()):
        _keep(tracker, _kept(tracker) - _counts(bare))  # they are not lost
    for run in bare:
        tracker.close(run.run_id, INTERRUPTED, KILLED, {"error": "its files were removed"})


def _without_files(tracker: Tracker, runs: Iterable[Run]) -> list[Run]:
    """The finished confirmation runs of finalists that have no file any more; of others the metrics are enough."""
    confirmed = (run for run in runs if run.phase == CONFIRM and _finished(run) and run.tags.get("role") in ROLES)
    return [run for run in confirmed if not tracker.client.list_artifacts(run.run_id)]


def _kept(tracker: Tracker) -> Counter[str]:
    return Counter(json.loads(tracker.tags().get(KEPT, "{}")))


def _keep(tracker: Tracker, counts: Counter[str]) -> None:
    tracker.tag(KEPT, json.dumps(counts))


def _counts(runs: Iterable[Run]) -> Counter[str]:
    return Counter(_kind(run.tags) for run in runs if _finished(run))


def _kind(tags: Mapping[str, str]) -> str:
    return " ".join(tags[name] for name in ("phase", "role") if name in tags)


def _finished(run: Run) -> bool:
    return run.phase in PHASES and run.state in FINISHED


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
