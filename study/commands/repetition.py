"""Runs of a study trained again, from what the store holds of them, and compared with it."""

import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from rich.console import Console

from hyperstudy.study.commands.recorded import Recorded, drawn, named, read
from hyperstudy.study.commands.reproduction import published_task
from hyperstudy.study.comparisons.repeats import Difference, compared, differences, surroundings, verdict
from hyperstudy.study.core.errors import InputError, Parser, count
from hyperstudy.study.core.own import OwnFile
from hyperstudy.study.core.params import from_params
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import CONFIRM, PRUNED, RECIPE
from hyperstudy.study.outputs.objective import objective_of
from hyperstudy.study.search.slots import Slot, Slots
from hyperstudy.study.studies.description import FILE, plan_of
from hyperstudy.study.studies.driver import Driver
from hyperstudy.study.studies.file import KEY, add_own, own_of
from hyperstudy.study.studies.options import add_machine, settle_machine, trial_device
from hyperstudy.study.studies.scratch import scratch
from hyperstudy.study.studies.session import SETTINGS
from hyperstudy.study.studies.view import LiveView, View, make_console
from hyperstudy.study.tasks.opening import open_task
from hyperstudy.study.tasks.task import Task
from hyperstudy.study.tracking.memory import Kept, Memory
from hyperstudy.study.tracking.store import existing
from hyperstudy.study.tracking.tracker import Run, Tracker
from hyperstudy.study.workers.pool import Pool, make_pool

LISTED = 6  # differences of one run


class Repeat(NamedTuple):
    """What came of a run that was trained again: what was compared, what differs, and what of the surroundings does."""

    compared: str
    found: list[Difference]
    around: list[str]


class Again(Slots):
    """Recorded runs to train again; a pruned one is stopped after the epoch after which it was."""

    def __init__(self, recorded: Sequence[Recorded]) -> None:
        self._recorded = recorded
        super().__init__(range(len(recorded)), len(recorded))

    def report(self, slot: Slot, epoch: int, value: float) -> bool:
        return slot.prunable and epoch == self._recorded[slot.number].kept.epochs

    def _make(self, number: int) -> Slot:
        run = self._recorded[number].run
        return Slot(number, run.name, {"run": run.run_id}, from_params(run.params), run.state == PRUNED)


def parse_options(words: list[str] | None) -> Namespace:
    """The checked options of `python -m study.rerun`."""
    parser = Parser(
        prog="python -m study.rerun",
        description="Train a run again and compare every number with what was recorded; nothing is written to the "
        "store. The exit code is 0 if all are identical, 1 if some differ or fail now, 2 if "
        "they cannot be compared.",
        allow_abbrev=False,
    )
    parser.add_argument("run", nargs="?", metavar="RUN", help="its name, or the beginning of its identifier")
    parser.add_argument("--study", metavar="NAME", help="whose run (default: the latest study that has it)")
    parser.add_argument("--sample", type=count("sample", 1), metavar="N", help="N finished runs, drawn at random")
    parser.add_argument("--seed", type=count("seed", 0), default=0, metavar="N", help="of that draw (default 0)")
    add_own(parser)
    add_machine(parser)
    options = parser.parse(words)
    if bool(options.run) == bool(options.sample):
        raise InputError("either name a run, or draw some with --sample N")
    settle_machine(options)
    return options


@scratch()
def repeat(options: Namespace) -> int:
    """Train the runs again and print how they compare; 0 if all are identical, 1 if some differ."""
    console, uri = make_console(), options.tracking_uri
    existing(uri)
    if options.sample:
        tracker, runs = drawn(uri, options.study, options.sample, options.seed)
        _print(console, f"{len(runs)} runs of {tracker.experiment}, drawn at random with seed {options.seed}")
    else:
        tracker, run = named(uri, options.study, options.run)
        runs = [run]
        _print(console, f"{run.name} of {tracker.experiment}: {run.phase}, {run.state}, run {run.run_id}")
    own = _own_of(tracker, options)
    repeats: list[Repeat] = []

    def ended(run: Run, now: Repeat) -> None:
        repeats.append(now)
        if options.sample:
            around = now.around if now.found else []
            _print(console, f"{run.name}: {now.compared}: {verdict(now.found, around)}")
            return
        _print(console, f"compared: {now.compared}")
        for difference in now.found[:LISTED] if len(now.found) > 1 else ():
            _print(console, f"  {difference}")
        _print(console, verdict(now.found, now.around))

    with make_pool(_device(options, runs), options.workers, len(runs), own, options.cluster) as pool:
        for _, part in groupby(sorted(read(tracker, runs), key=_data_of), key=_data_of):
            _train(console, options, tracker, pool, list(part), ended)
    same = sum(not now.found for now in repeats)
    if options.sample:
        _print(console, f"{same} of {len(runs)} identical")
    return 0 if same == len(runs) else 1


def _own_of(tracker: Tracker, options: Namespace) -> OwnFile | None:
    """The study's own file, after it was run; raises `InputError` for rows that no file holds."""
    tags = tracker.tags()
    if FILE not in tags and (rows := json.loads(tags.get(SETTINGS, "{}")).get(KEY)):
        raise InputError(f"study {tracker.experiment!r} has {rows}, added in Python, whose code no store holds")
    return own_of(tracker, options)


def _device(options: Namespace, runs: Sequence[Run]) -> torch.device:
    """Where the runs train: on the processor if they did, unless something else is asked for."""
    usual = options.device == "auto" and options.cluster is None
    on_processor = all(run.tags.get("hardware", "").endswith(", cpu") for run in runs)
    return torch.device("cpu") if usual and on_processor else trial_device(options)


def _data_of(row: Recorded) -> tuple[bool, str]:
    """What tells apart the runs of a study that need other data: whether they meet the test, and the data set."""
    return row.run.phase == CONFIRM, row.run.params.get("dataset", "")


def _train(
    console: Console,
    options: Namespace,
    tracker: Tracker,
    pool: Pool,
    recorded: Sequence[Recorded],
    ended: Callable[[Run, Repeat], None],
) -> None:
    """Train runs that need the same data, calling `ended` with each."""
    task = _open(options, tracker, [row.run for row in recorded])
    rows, objective = {row.run.run_id: row for row in recorded}, objective_of(tracker.tags())
    memory = Memory(lambda run_id, kept: ended(rows[run_id].run, _compare(rows[run_id], kept)))
    pool.load(task)
    live = console.is_terminal
    with (LiveView if live else View)(console if live else Console(quiet=True), (), objective) as view:
        driver = Driver(pool, memory, view, objective, task.guess(objective), {}, lambda: None)
        driver.run(Again(recorded), f"{tracker.experiment} again", ())
    for run_id, kept in memory.lost.items():
        ended(rows[run_id].run, _compare(rows[run_id], kept))


def _open(options: Namespace, tracker: Tracker, runs: Sequence[Run]) -> Task:
    """The task that the runs had; raises `InputError` if its data are not those that they had."""
    first = runs[0]
    if first.phase == RECIPE:
        side = max(int(run.params["image_size"]) for run in runs)
        task: Task = published_task(first.params["dataset"], options.data_dir, side)
    else:
        plan = plan_of(tracker.tags())
        task = open_task(plan, options.data_dir)
        task = task.tested(plan, options.data_dir) if first.phase == CONFIRM else task
    here = {row.name: row.digest for row in task.inputs()}
    for run in runs:
        for name, digest in tracker.digests(run).items():
            if here.get(name) != digest:
                raise InputError(
                    f"the pictures of {name} are not those of run {run.name!r}: their digest must be {digest}; got "
                    f"{here.get(name)}"
                )
    return task


def _compare(row: Recorded, now: Kept) -> Repeat:
    """A recorded run beside what training it again has left."""
    around = surroundings(row.kept.tags, {**environment.run_tags(), **now.tags})
    return Repeat(compared(row.kept, now), differences(row.kept, row.history, now), around)


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True)
