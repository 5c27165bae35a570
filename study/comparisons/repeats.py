"""A run beside its repetition: which of its numbers are the same to the last bit, and by how much others differ."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hyperstudy.study.outputs.files import WEIGHTS
from hyperstudy.study.outputs.names import ANSWERS, FINISHED, HISTORY
from hyperstudy.study.tracking.memory import Kept

FILES = (WEIGHTS, ANSWERS)  # that hold results; the others describe a run, or draw its numbers
MACHINE = ("hardware", "threads")  # tags about what a run was trained on
COMMIT = "mlflow.source.git.commit"

Curves = Mapping[str, Mapping[int, float]]  # metrics by name and epoch; those of the whole run at 0


class Difference(NamedTuple):
    """What is not the same, and how it differs, in words; the first epoch in which it does, 0 for the whole run."""

    what: str
    how: str
    epoch: int = 0

    def __str__(self) -> str:
        return f"{self.what} {self.how}"


def is_time(name: str) -> bool:
    """Whether a metric measures time, which no two runs share."""
    return name.startswith("time/") or name.endswith("_seconds")


def differences(before: Kept, history: Curves, now: Kept) -> list[Difference]:
    """All that differs from a recorded run and its history file, the first epochs first. A file that the store lacks
    is not compared."""
    if now.state not in FINISHED:
        return [Difference("state", f"was {before.state}, now {now.state}: {now.tags.get('error')}")]
    state = [Difference("state", f"was {before.state}, now {now.state}")] if before.state != now.state else []
    found = list(_of_metrics(before.metrics, now.metrics))
    by_epoch = {name: {step: value for step, value in row.items() if step} for name, row in now.metrics.items()}
    told = (row for row in _of_metrics(history, by_epoch) if row not in found)
    found += [row._replace(what=f"{row.what} in {HISTORY}") for row in told]
    for name in _both(before, now):
        old, new = (_fingerprint(each.files[name]) for each in (before, now))
        found += [Difference(name, f"was {old}, now {new}")] if old != new else []
    return state + sorted(found, key=lambda row: row.epoch or float("inf"))


def compared(before: Kept, now: Kept) -> str:
    """What was compared, in words."""
    names = [name for name in before.metrics if not is_time(name)]
    whole = [name for name in names if 0 in before.metrics[name]]
    tested = sum(name.startswith("test/") for name in whole)
    each = f"{_plural(before.epochs, 'epoch')} x {_plural(len(names) - len(whole), 'metric')}"
    parts = [each, f"{len(whole) - tested} of the whole run", *([f"{tested} on the test data"] if tested else [])]
    return ", ".join(parts + [f"{name} ({len(before.files[name]):,} bytes)" for name in _both(before, now)])


def surroundings(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What of the versions, the hardware, the threads and the commit that a run's tags tell is not the same now, in
    words."""
    old, new = (
        {**json.loads(tags.get("versions", "{}")), **{name: tags.get(name) for name in MACHINE}, "commit": _short(tags)}
        for tags in (before, now)
    )
    return [f"{name} {was!r} is now {new.get(name)!r}" for name, was in old.items() if was and was != new.get(name)]


def verdict(found: list[Difference], around: list[str]) -> str:
    """What came of the comparison, in a line; `around` are the surroundings that differ."""
    if not found:
        return "identical to the last bit" + (f", although {'; '.join(around)}" if around else "")
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    cause = "; ".join(around) or (
        "versions, hardware, threads and commit are the same, so either the record was changed, or the training "
        "depends on more than its seed"
    )
    return f"differs: {found[0]}{more}. Likely cause: {cause}"


def _short(tags: Mapping[str, str]) -> str:
    """The commit in 12 digits, and whether there were changes."""
    commit, plus, changes = tags.get(COMMIT, "").partition("+")
    return f"{commit[:12]}{plus}{changes}"


def _both(before: Kept, now: Kept) -> list[str]:
    """The files that can be compared."""
    return [name for name in FILES if name in before.files and name in now.files]


def _of_metrics(before: Curves, now: Curves) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name, {}), now.get(name, {})
        # Floats have the same text if and only if they have the same bits; 0.0 and -0.0 are equal.
        odd = [step for step in sorted(old.keys() | new.keys()) if repr(old.get(step)) != repr(new.get(step))]
        if odd and not is_time(name):
            yield Difference(name, _how(odd, old, new), odd[0])


def _how(odd: list[int], old: Mapping[int, float], new: Mapping[int, float]) -> str:
    """The first of these epochs, and the largest difference; or which of both lacks them."""
    first = f"first after epoch {odd[0]}" if odd[0] else ""
    shared = [step for step in odd if step in old and step in new]
    if not shared:
        lack = "is there now but was not recorded" if odd[0] in new else "was recorded but is not there now"
        return f"{lack}{first and f', {first}'}"
    worst = max(shared, key=lambda step: abs(old[step] - new[step]))
    place = f", most after epoch {worst}" if worst != odd[0] else ""
    amount = f"by {abs(old[worst] - new[worst]):.3g} (was {old[worst]!r}, now {new[worst]!r})"
    return f"{first}{place} {amount}".strip()


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _fingerprint(content: bytes) -> str:
    """A file by its size and the start of its SHA-256 sum."""
    return f"{len(content):,} bytes {hashlib.sha256(content).hexdigest()[:8]}"
