"""From published recipes to their runs: those that are missing, trained over seeds and tracked as one study."""

import json
from argparse import Namespace
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hyperstudy.study.comparisons.finalists import finished, over_seeds
from hyperstudy.study.comparisons.published import RECIPES, TEST_ACCURACY
from hyperstudy.study.core.data.splits import load_published
from hyperstudy.study.core.errors import InputError, Parser, count, not_one_of
from hyperstudy.study.outputs import environment
from hyperstudy.study.outputs.names import RECIPE, RECIPES_STUDY
from hyperstudy.study.studies.options import add_machine, settle_machine, trial_device, trial_hardware
from hyperstudy.study.studies.scratch import scratch
from hyperstudy.study.studies.session import open_session, settle
from hyperstudy.study.studies.summary import print_failures, print_report_command, test_accuracy
from hyperstudy.study.studies.view import make_console
from hyperstudy.study.tasks.pictures import PicturesTask
from hyperstudy.study.tracking.lost import settle_losses
from hyperstudy.study.tracking.tracker import Tracker
from hyperstudy.study.workers.pool import make_pool

NOTE = (
    "Published recipes, each as its tutorial fixes it, over several seeds. All training pictures are trained on, and "
    "what is called validation here is the test set, as the tutorials have it: nothing was chosen by it."
)


def parse_options(words: list[str] | None) -> Namespace:
    """The checked options of `python -m study.recipes`."""
    parser = Parser(
        prog="python -m study.recipes",
        description="Reproduce published recipes over several seeds, tracked like any study.",
        allow_abbrev=False,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(RECIPES)} (default: all)")
    parser.add_argument("--seeds", type=count("seeds", 1), default=5, metavar="N", help="per recipe (default 5)")
    add_machine(parser)
    options = parser.parse(words)
    settle_machine(options)
    for name in options.names:
        if name not in RECIPES:
            raise not_one_of("recipe", name, RECIPES)
    options.names, options.study, options.own = options.names or list(RECIPES), RECIPES_STUDY, None
    return options


@scratch()
def reproduce(options: Namespace) -> int:
    """Train what is missing of the recipes; 0 if all of it finished then, 1 if some failed or lack their data."""
    console = make_console()
    trial_device(options)  # raises for one that is not here
    tracker = Tracker(options.tracking_uri, RECIPES_STUDY)
    tracker.create()
    tracker.describe(NOTE, _tags(options))
    wanted = sorted(options.names, key=lambda name: (RECIPES[name].datasets, list(RECIPES).index(name)))
    complete = True
    for datasets, names in groupby(wanted, key=lambda name: RECIPES[name].datasets):
        complete &= _train(console, options, tracker, datasets, list(names))
    _summarise(console, options, tracker)
    return 0 if complete else 1


def _train(
    console: Console, options: Namespace, tracker: Tracker, datasets: Sequence[str], names: Sequence[str]
) -> bool:
    """Train what is missing of the recipes, on the first of the data sets that is there; whether all of it finished."""
    try:
        task = _read(options, datasets, names)
    except InputError as error:
        console.print(f"not run: {', '.join(names)}: {error}", soft_wrap=True)
        return False
    wanted = over_seeds({name: RECIPES[name].config(task.dataset) for name in names}, options.seeds)
    with (
        make_pool(trial_device(options), options.workers, len(wanted), cluster=options.cluster) as pool,
        open_session(console, tracker, pool, options, task, ("model", "lr")) as session,
    ):
        settle(tracker, f"study.settings.{task.dataset}", {"data digest": task.splits.digest})
        jobs = session.train(RECIPE, wanted, f"{RECIPES_STUDY} on {task.dataset}")
        if not session.driver.failures:
            settle_losses(tracker)
    print_failures(console, session.driver)
    return not session.driver.failures and jobs.finished == jobs.total


def _read(options: Namespace, datasets: Sequence[str], names: Sequence[str]) -> PicturesTask:
    """The first of the data sets that can be read."""
    missing = []
    for dataset in datasets:
        side = max(RECIPES[name].config(dataset).image_size for name in names)
        try:
            return published_task(dataset, options.data_dir, side)
        except InputError as error:
            missing.append(str(error))
    raise InputError("; ".join(missing))


def published_task(dataset: str, data_dir: Path, side: int) -> PicturesTask:
    """All training pictures, with the test pictures as validation and as test; raises `InputError`."""
    splits = load_published(dataset, data_dir, side)
    return PicturesTask(dataset, splits._replace(test=splits.val))


def _tags(options: Namespace) -> dict[str, str]:
    """What the report needs to know: every recipe with its published figures, whether it was run already or not."""
    published = {
        name: {"about": recipe.about, "published": recipe.published, "note": recipe.note}
        for name, recipe in RECIPES.items()
    }
    return {
        "study.space": "{}",
        "study.recipes": json.dumps(published),
        "study.hardware": trial_hardware(options),
        "study.command": environment.command(),
    }


def _summarise(console: Console, options: Namespace, tracker: Tracker) -> None:
    """Print the test accuracy of every recipe that was run beside the published one."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("recipe", "data set", "published", "test accuracy [95%]", "seeds"):
        table.add_column(heading, overflow="fold")
    runs = finished(tracker.runs(), RECIPE)
    for name, recipe in RECIPES.items():
        for dataset in recipe.datasets:
            ours = [run for run in runs if run.tags["role"] == name and run.params["dataset"] == dataset]
            if ours:
                published = recipe.published.get(TEST_ACCURACY, ())
                said = f"{published[-1]:g}" if published else "-"
                table.add_row(name, dataset, said, str(test_accuracy(ours)), str(len(ours)))
    console.print(table)
    print_report_command(console, options)
