"""From published recipes to their runs: those that are missing, trained over seeds and tracked as one study."""

import json
from argparse import Namespace
from itertools import groupby

from optuna.storages import RDBStorage
from rich.console import Console
from rich.table import Table

from reports.load import load
from reports.reproduced import comparisons
from study.core.config import Config
from study.core.data import load_published
from study.core.errors import Parser, count, not_one_of
from study.core.train import device as find_device
from study.outputs import environment
from study.outputs.names import RECIPE
from study.search.storage import open_storage
from study.search.trials import Queue
from study.studies.driver import TestSet
from study.studies.finalists import JobQueue, train_missing
from study.studies.options import add_machine
from study.studies.published import RECIPES
from study.studies.session import check_stores, make_driver, resumable, test_record, usual_workers
from study.studies.summary import print_report_command
from study.studies.view import make_console, make_view
from study.tracking.tracker import Tracker
from study.workers.pool import Pool

STUDY = "recipes"
NOTE = (
    "Published recipes, each as its tutorial fixes it, over several seeds. All training pictures are trained on, and "
    "what is called validation here is the test set, as the tutorials have it: nothing was chosen by it."
)


class RecipeQueue(JobQueue):
    """The recipes on one data set."""

    phase = RECIPE

    def __init__(self, storage: RDBStorage, dataset: str) -> None:
        super().__init__(storage, f"{STUDY}/{dataset}")


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
    for name in options.names:
        if name not in RECIPES:
            raise not_one_of("recipe", name, RECIPES)
    options.names, options.study = options.names or list(RECIPES), STUDY
    return options


def reproduce(options: Namespace) -> int:
    """Train what is missing of the recipes; 0 if all of it finished then."""
    console = make_console()
    check_stores(options)
    find_device(options.device)
    storage, tracker = open_storage(options.storage), Tracker(options.tracking_uri, STUDY)
    tracker.create(Queue(storage, STUDY).identity())
    tracker.describe(NOTE, _tags(options))
    wanted = sorted(options.names, key=lambda name: (RECIPES[name].config.dataset, list(RECIPES).index(name)))
    complete = True
    with resumable(console):
        for dataset, names in groupby(wanted, key=lambda name: RECIPES[name].config.dataset):
            configs = {name: RECIPES[name].config for name in names}
            complete &= _train(console, options, tracker, RecipeQueue(storage, dataset), dataset, configs)
    _summarise(console, options)
    return 0 if complete else 1


def _train(
    console: Console,
    options: Namespace,
    tracker: Tracker,
    queue: RecipeQueue,
    dataset: str,
    configs: dict[str, Config],
) -> bool:
    """Run what is missing of the recipes on one data set; whether all of it finished."""
    device = find_device(options.device)
    with console.status(f"reading {dataset}"):
        splits = load_published(dataset, options.data_dir, max(config.image_size for config in configs.values()))
    queue.settle({"data digest": splits.digest})
    queue.want(configs, options.seeds)
    workers = min(options.workers or usual_workers(device), max(1, queue.total - queue.finished()))
    with Pool(workers, splits, device) as pool, make_view(console, ("model", "lr")) as view:
        driver = make_driver(pool, tracker, view, Namespace(**{**vars(options), "dataset": dataset}), splits, device)
        record = test_record(dataset, splits.val, splits.classes, options.data_dir)
        train_missing(queue, driver, f"{STUDY} on {dataset}", lambda: TestSet(splits.val, record))
    for failure in driver.failures:
        console.print(f"{failure}; the same command tries it again", markup=False, highlight=False)
    return not driver.failures and queue.finished() == queue.total


def _tags(options: Namespace) -> dict[str, str]:
    """What the report needs to know: every recipe with its published figures, whether it was run already or not."""
    published = {
        name: {"about": recipe.about, "published": recipe.published, "note": recipe.note}
        for name, recipe in RECIPES.items()
    }
    return {
        "study.space": "{}",
        "study.recipes": json.dumps(published),
        "study.hardware": environment.hardware(find_device(options.device)),
        "study.command": environment.command(),
    }


def _summarise(console: Console, options: Namespace) -> None:
    """Print the last figures of every recipe that was run beside the published ones."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("recipe", "metric", "published", "reproduced [95%]", "seeds", "verdict"):
        table.add_column(heading, overflow="fold")
    for row in comparisons(load(options.tracking_uri, STUDY, "")):
        if row.last:
            said = "-" if row.published is None else f"{row.published:g}"
            table.add_row(row.recipe, row.metric, said, str(row.estimate), str(row.estimate.n), row.verdict)
    console.print(table)
    print_report_command(console, options)
