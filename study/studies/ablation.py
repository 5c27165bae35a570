"""From a study's hypotheses to their runs: the configurations that are missing, trained over paired seeds."""

from argparse import Namespace

from rich.console import Console
from rich.table import Table

from reports.experiments import SEEDS, Arm, arms_of, change, hypotheses_of, missing_runs, results_of, seconds_of
from reports.load import Study, load
from reports.selection import of_finalist
from study.core.config import Config
from study.core.domains import dimension
from study.core.errors import InputError, Parser, count
from study.core.plan import Plan, read_splits
from study.core.train import device as find_device
from study.search.storage import open_storage, settings_of
from study.search.trials import Queue
from study.studies.finalists import ConfirmQueue, train_missing
from study.studies.options import add_machine
from study.studies.session import make_driver, resumable, test_set, usual_workers
from study.studies.summary import print_report_command
from study.studies.view import make_console, make_view
from study.tracking.store import existing
from study.tracking.tracker import Tracker
from study.workers.pool import Pool


def parse_options(words: list[str] | None) -> Namespace:
    """The checked options of `python -m study.confirm`."""
    parser = Parser(
        prog="python -m study.confirm",
        description="Train what a study's hypotheses need, over paired seeds; the next report says what came of it.",
        allow_abbrev=False,
    )
    parser.add_argument("--study", metavar="NAME", help="default: the latest")
    seeds = f"per configuration (default: as many as the finalists have, at least {SEEDS})"
    parser.add_argument("--seeds", type=count("seeds", 2), metavar="N", help=seeds)
    add_machine(parser)
    return parser.parse(words)


def experiment(options: Namespace) -> int:
    """Train the arms that are missing, and print what the experiments say; 0 if there are none or all finished."""
    console = make_console()
    for url in (options.tracking_uri, options.storage):
        existing(url)
    study = load(options.tracking_uri, options.study, "")
    if "study.finalists" not in study.tags:
        raise InputError(
            f"study {study.name!r} has no confirmed winner yet; "
            f"go on with it, and with --confirm-seeds 5: {study.tags['study.command']}"
        )
    options.study, options.dataset = study.name, study.tags["study.dataset"]
    arms = arms_of(hypotheses_of(study))
    if not arms:
        console.print(f"{study.name}: the default configuration is the winner, so there is nothing to compare")
        return 0
    seeds = options.seeds or max(SEEDS, len(of_finalist(study, "winner")))
    _announce(console, study, arms, seeds)
    complete = _train(console, options, study, arms, seeds)
    _summarise(console, options)
    return 0 if complete else 1


def _train(console: Console, options: Namespace, study: Study, arms: list[Arm], seeds: int) -> bool:
    """Run what is missing; whether all of it finished. The pictures must be those of the study."""
    storage = open_storage(options.storage)
    digest = settings_of(storage, study.name)["data digest"]
    configs = {arm.name: Config(dataset=options.dataset, model=study.tags["study.model"], **arm.levels) for arm in arms}
    domains = {name: dimension(row).domain for name, row in study.space.items()}
    plan = Plan(configs[arms[0].name], {name: domain for name, domain in domains.items() if domain is not None})
    splits, device = read_splits(plan, options.data_dir), find_device(options.device)
    if splits.digest != digest:
        raise InputError(
            f"the pictures of {options.dataset} are not those of study {study.name!r}: their digest must be {digest}; "
            f"got {splits.digest}"
        )
    tracker = Tracker(options.tracking_uri, study.name)
    tracker.create(Queue(storage, study.name).identity())  # or say that it is of another study
    queue = ConfirmQueue(storage, study.name)
    queue.want(configs, seeds)
    workers = min(options.workers or usual_workers(device), max(1, queue.total - queue.finished()))
    with resumable(console), Pool(workers, splits, device) as pool, make_view(console, tuple(plan.space)) as view:
        driver = make_driver(pool, tracker, view, options, splits, device)
        train_missing(queue, driver, f"{study.name} confirmation", lambda: test_set(plan, splits, options.data_dir))
    return not driver.failures and queue.finished() == queue.total


def _announce(console: Console, study: Study, arms: list[Arm], seeds: int) -> None:
    """Say how many runs are missing, and about how long they train."""
    missing, seconds = [missing_runs(study, arm, seeds) for arm in arms], [seconds_of(study, arm) for arm in arms]
    line = f"{study.name}: {sum(missing)} runs missing of {len(arms)} configurations over {seeds} seeds"
    if sum(missing) and None not in seconds:
        total = sum(runs * each for runs, each in zip(missing, seconds, strict=True))
        line += f", about {total:.0f} s of training to judge by the trials"
    console.print(line, highlight=False, soft_wrap=True)


def _summarise(console: Console, options: Namespace) -> None:
    """Print every hypothesis with its difference, and how to make the report."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "change", "difference [95%]", "seeds", "verdict"):
        table.add_column(heading, no_wrap=True)
    for row in results_of(load(options.tracking_uri, options.study, "")):
        table.add_row(row.hypothesis.kind, change(row.hypothesis), str(row.estimate), str(row.estimate.n), row.verdict)
    console.print(table)
    meaning = (
        "differences are in test accuracy; alone: all else as in the winner; path: from default to winner, step by step"
    )
    console.print(meaning, highlight=False, soft_wrap=True)
    print_report_command(console, options)
