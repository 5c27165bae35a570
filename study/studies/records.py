"""A study's finished trials as the search knows them, from its runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hyperstudy.study.comparisons.finalists import finished
from hyperstudy.study.core.domains import Domain
from hyperstudy.study.outputs.names import EXPLORE, SEARCH
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.search.trials import Record
from hyperstudy.study.tracking.tracker import Run, Tracker


def records(tracker: Tracker, runs: Sequence[Run], space: Mapping[str, Domain], objective: Objective) -> list[Record]:
    """The finished trials among the runs, in the order of their slots; the first where a slot has several."""
    done = {int(run.tags["trial"]): run for phase in (EXPLORE, SEARCH) for run in reversed(finished(runs, phase))}
    curves = dict(tracker.curves(done.values()))
    made = []
    for slot, run in sorted(done.items()):
        whole = run.metrics.get("diverged_epoch", float("inf"))
        epochs = [epoch for epoch in curves[run.run_id] if epoch["epoch"] < whole]
        values = [epoch[objective.key] for epoch in epochs if objective.key in epoch]
        params = {name: domain.parsed(run.params[name]) for name, domain in space.items()}
        times = (datetime.fromtimestamp(ms / 1000) for ms in (run.start_ms, run.end_ms or run.start_ms))
        made.append(Record(slot, params, values, run.state, run.metrics.get("objective"), *times))
    return made
