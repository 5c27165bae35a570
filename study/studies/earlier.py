"""A study that goes on from an earlier one: what its sampler learns from it, and its winner as a candidate."""

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, NamedTuple

from hyperstudy.study.comparisons.finalists import finished, ranking
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.params import AnyConfig, from_params
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs.names import EXPLORE, PRUNED, SEARCH, WINNER
from hyperstudy.study.outputs.objective import Objective, objective_of
from hyperstudy.study.studies.description import FINALISTS
from hyperstudy.study.studies.session import SETTINGS
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.tracking.experiments import find_study
from hyperstudy.study.tracking.store import existing
from hyperstudy.study.tracking.tracker import Run, Tracker

SAME = ("data digest", "dataset", "model", "loop")  # settings in which both studies must agree


class Earlier(NamedTuple):
    """The earlier study's trials in this study's space, each with its objective; and its winner, at the values that
    this study fixes."""

    told: list[tuple[dict[str, Any], float]]
    trials: int  # that it has
    winner: AnyConfig | None


def earlier_study(options: Namespace, plan: Plan, task: Task, objective: Objective) -> Earlier | None:
    """What study `options.after` has for this one; None without such an option. Raises `InputError` for a study of
    other data, another model or another objective."""
    if options.after is None:
        return None
    if options.after == options.study:
        raise InputError(f"--after must name another study; got the name of this one, {options.after!r}")
    existing(options.tracking_uri)
    tracker = Tracker(options.tracking_uri, find_study(options.tracking_uri, options.after))
    tags = tracker.tags()
    theirs, ours = json.loads(tags.get(SETTINGS, "{}")), {**plan.base.subject(), **task.settings()}
    for name in SAME:
        if theirs.get(name) != ours.get(name):
            raise InputError(
                f"study {options.after!r} has another {name}, so nothing carries over: it must be {ours.get(name)!r}; "
                f"got {theirs.get(name)!r}"
            )
    if (key := objective_of(tags).key) != objective.key:
        raise InputError(f"study {options.after!r} was judged by another objective than {objective.key}; got {key}")
    runs = [run for phase in (EXPLORE, SEARCH) for run in finished(tracker.runs(), phase)]
    told = [found for run in runs if (found := _within(run, plan))]
    return Earlier(told, len(runs), _winner(tags.get(FINALISTS), ranking(runs, objective), plan))


def _within(run: Run, plan: Plan) -> tuple[dict[str, Any], float] | None:
    """A trial's values and objective; None if it was pruned, or differs in what this study fixes, or lies outside."""
    if "objective" not in run.metrics or run.state == PRUNED:
        return None
    config = from_params(run.params)
    values = {name: getattr(config, name) for name in plan.space}
    inside = all(value in plan.space[name] for name, value in values.items())
    if not inside or plan.config(values).replace(seed=config.seed) != config:
        return None
    return values, run.metrics["objective"]


def _winner(kept: str | None, ranked: Sequence[Run], plan: Plan) -> AnyConfig | None:
    """The winner that was confirmed, or the best trial."""
    levels = json.loads(kept)[WINNER] if kept else None
    if levels is None:
        levels = from_params(ranked[0].params).hyperparameters() if ranked else {}
    return plan.config({name: levels[name] for name in plan.space if name in levels}) if levels else None
