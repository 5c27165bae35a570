"""The last lines of a study: winner against default, how the time was spent, and the next commands."""

import shlex
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from hyperstudy.study.comparisons.choice import read_reranking
from hyperstudy.study.comparisons.decision import decide
from hyperstudy.study.comparisons.finalists import confirmed, finalists_of, finished, ranking
from hyperstudy.study.comparisons.seeds import Estimate, accuracy_of, mean_interval, paired_difference
from hyperstudy.study.core.errors import without_passwords
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.outputs.names import EXPLORE, FINISHED, SEARCH, WINNER
from hyperstudy.study.outputs.objective import ACCURACY, Objective
from hyperstudy.study.studies.driver import Driver
from hyperstudy.study.studies.options import places
from hyperstudy.study.tracking.experiments import charts_link
from hyperstudy.study.tracking.store import UI_ADDRESS, is_server
from hyperstudy.study.tracking.tracker import Run, Tracker


def print_summary(
    console: Console, tracker: Tracker, options: Namespace, roles: Mapping[str, AnyConfig], driver: Driver
) -> None:
    """Print the result, and the commands that show more."""
    runs = tracker.runs()
    states = Counter(run.state for phase in (EXPLORE, SEARCH) for run in finished(runs, phase))
    console.print(f"\n{options.study}: {', '.join(f'{states[name]} {name}' for name in FINISHED)}")
    if not roles:
        console.print("no trial is complete, so there is no winner: see the failed and diverged runs")
    elif options.confirm_seeds:
        _print_confirmation(console, tracker, roles, driver)
    else:
        objective = driver.objective
        best = ranking(runs, objective)[0]
        console.print(
            f"best of the search: {best.name}, {objective.name} {objective.size(best.metrics['objective'])} "
            f"({driver.view.describe(roles[WINNER])}); not confirmed, and the best of many overstates itself",
        )
    print_failures(console, driver)
    _print_split(console, driver.spent)
    look = shlex.join(["python", "-m", "study.ui", *places(options, "tracking_uri")])
    served = without_passwords(options.tracking_uri) if is_server(options.tracking_uri) else UI_ADDRESS
    console.print(f"look:   {look}", soft_wrap=True)
    console.print(f"        {charts_link(served, tracker.experiment_id)}", soft_wrap=True)
    print_report_command(console, options)


def print_failures(console: Console, driver: Driver) -> None:
    """Name the trials that failed."""
    for failure in driver.failures:
        console.print(f"{failure}; the same command tries it again")


def print_report_command(console: Console, options: Namespace) -> None:
    """Print the command that makes the report."""
    words = ["reports.findings", "--study", options.study, *places(options, "tracking_uri")]
    console.print(f"report: {shlex.join(['python', '-m', *words])}", soft_wrap=True)


def test_accuracy(runs: Sequence[Run]) -> Estimate:
    """Mean test accuracy over seeds, a fraction, with its interval over seeds alone."""
    return mean_interval([run.metrics[ACCURACY.test_key] for run in runs], bounds=(0, 1))


def gain(first: Sequence[Run], second: Sequence[Run], objective: Objective) -> Estimate:
    """The difference in what finalists are compared by, first - second, paired over the seeds that both have."""
    key = objective.confirmed_key
    by_seed = [{run.params["seed"]: run.metrics[key] for run in runs} for runs in (first, second)]
    shared = sorted(set(by_seed[0]) & set(by_seed[1]))
    ours, theirs = ([row[seed] for seed in shared] for row in by_seed)
    return paired_difference(ours, theirs)


def _print_confirmation(console: Console, tracker: Tracker, roles: Mapping[str, AnyConfig], driver: Driver) -> None:
    """The decision, then the finalists that it compares."""
    objective = driver.objective
    finalists = finalists_of(tracker, roles, driver.view.shown, objective)
    told = decide(finalists, read_reranking(tracker.tags()), objective)
    console.print(told)
    table = Table(box=None, padding=(0, 2, 0, 0))
    measure = f"{objective.confirmed.label} [95%]"
    for heading in ("", measure, "seeds", "train s", "parameters"):
        table.add_column(heading, justify="right" if heading in ("seeds", "train s", "parameters") else "left")
    for role, runs in confirmed(tracker.runs(), roles, objective).items():
        if runs:
            found, seconds = accuracy_of(finalists[role].runs, objective), f"{finalists[role].seconds:.2f}"
            parameters = f"{count:,.0f}" if (count := runs[0].metrics.get("parameters")) else "-"
            table.add_row(role, objective._replace(unit="").measured(*found[:3]), str(len(runs)), seconds, parameters)
    console.print(table)
    for role, config in roles.items():
        console.print(f"{role}: {driver.view.describe(config)}", soft_wrap=True)


def _print_split(console: Console, spent: Mapping[str, float]) -> None:
    if training := spent["training"]:
        others = {name: spent[name] for name in ("tracking", "driving")}
        told = [
            f"{name} {seconds:.1f} s" + (f" ({seconds / training:.1%} of it)" if seconds < training else "")
            for name, seconds in others.items()
        ]
        console.print(f"time:   training {training:.1f} s, {', '.join(told)}")
