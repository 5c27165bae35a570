"""A study from its options to its last line: explore, search, re-rank, confirm, ablate if that is cheap, register the
winner, sum up."""

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence

from hyperstudy.study.commands.ablation import cheap_arms
from hyperstudy.study.comparisons.choice import RERANKING, read_reranking
from hyperstudy.study.comparisons.decision import decide
from hyperstudy.study.comparisons.finalists import crown, finalists_of, over_seeds, ranking, unconfirmed
from hyperstudy.study.comparisons.reranking import FIRST_SEED, SEEDS, candidates, elected, kept
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.core.text import markdown
from hyperstudy.study.outputs.names import DEFAULT, EARLIER, RERANK, WINNER
from hyperstudy.study.search.trials import Trials
from hyperstudy.study.studies.description import DECISION, FINALISTS, describe
from hyperstudy.study.studies.earlier import Earlier, earlier_study
from hyperstudy.study.studies.file import check_unchanged
from hyperstudy.study.studies.options import trial_device
from hyperstudy.study.studies.records import records
from hyperstudy.study.studies.scratch import scratch
from hyperstudy.study.studies.session import SETTINGS, Session, grow, open_session, settings, settle
from hyperstudy.study.studies.summary import print_summary
from hyperstudy.study.studies.view import make_console
from hyperstudy.study.tasks.opening import open_task
from hyperstudy.study.tracking.lost import drop_without_files, settle_losses
from hyperstudy.study.tracking.store import sqlite_file
from hyperstudy.study.tracking.tracker import Tracker
from hyperstudy.study.workers.pool import make_pool


@scratch()
def conduct(options: Namespace, plan: Plan) -> int:
    """Run what is missing of a study; 0 if all of its trials are finished then, 1 if some failed."""
    console, device = make_console(), trial_device(options)
    # Workers import while pictures are read.
    with make_pool(device, options.workers, options.trials, options.own, options.cluster) as pool:
        task = open_task(plan, options.data_dir)
        objective = task.objective(options.objective)
        if options.own:
            with console.status("a rehearsal with your own file"):
                task.rehearse(plan)
        earlier = earlier_study(options, plan, task, objective)
        about, kept = describe(options, plan, task, objective)
        tracker = Tracker(options.tracking_uri, options.study)
        tracker.create()
        with open_session(console, tracker, pool, options, task, tuple(plan.space), objective) as session:
            check_unchanged(tracker, options.own)
            settle(tracker, SETTINGS, settings(options, plan, task, objective))
            targets = grow(tracker, options.trials)
            if options.confirm_seeds:
                drop_without_files(tracker)
            tracker.describe(about, kept)
            for line in task.amounts():
                session.view.note(line)
            trials = explore_and_search(session, plan, targets, earlier)
            roles = (
                rerank(session, plan, earlier)
                if options.confirm_seeds
                else unconfirmed(tracker.runs(), plan.base, objective)
            )
            if roles and options.confirm_seeds:
                session.confirm(plan, roles, options.confirm_seeds)
                arms = cheap_arms(tracker.runs(), plan, roles, options.confirm_seeds, objective)
                if arms and options.confirm_seeds > 1:
                    session.confirm(plan, arms, options.confirm_seeds, "ablation")
            check_still_there(tracker)
            if roles:
                register(session, roles, about)
            if options.confirm_seeds and not session.driver.failures:
                settle_losses(tracker)
    print_summary(console, tracker, options, roles, session.driver)
    return 1 if session.driver.failures or trials.finished < trials.total else 0


def explore_and_search(session: Session, plan: Plan, targets: Sequence[int], earlier: Earlier | None) -> Trials:
    """Train the designed and the searched trials that have no finished run yet. An earlier study's trials inform the
    search alone."""
    tracker, options, runs = session.tracker, session.options, session.tracker.runs()
    objective = session.objective
    done = records(tracker, runs, plan.space, objective)
    told = earlier.told if earlier else []
    trials = Trials(plan, options.sampler, options.pruner, targets, done, objective.maximize, told)
    if earlier:
        lies = f"{len(told)} of {earlier.trials} trials of {options.after} lie in this space and inform the search"
        session.view.note(lies)
    if ranked := ranking(runs, objective):
        session.view.best = ranked[0].metrics["objective"], ranked[0].name
    session.driver.run(trials, tracker.experiment, session.data())
    return trials


def rerank(session: Session, plan: Plan, earlier: Earlier | None) -> dict[str, AnyConfig]:
    """The finalists by role, chosen on validation over fresh seeds; empty if no trial is complete.

    The choice is kept in tags, from which the report tells it.
    """
    tracker, objective = session.tracker, session.objective
    if not ranking(tracker.runs(), objective):
        return {}
    left = candidates(tracker.runs(), plan.base, objective)
    if earlier and earlier.winner is not None and earlier.winner not in (plan.base, *left.values()):
        left[EARLIER] = earlier.winner
    left[DEFAULT] = plan.base
    if len(left) > 1:
        title = f"{tracker.experiment} re-ranking"
        session.train(RERANK, over_seeds(left, 1, FIRST_SEED), title)
        left = kept(tracker.runs(), left, objective)
        session.train(RERANK, over_seeds(left, SEEDS, FIRST_SEED), title)
    choice, roles = elected(tracker.runs(), left, objective)
    tracker.tag(RERANKING, json.dumps(choice._asdict()))
    tracker.tag(FINALISTS, json.dumps({role: config.hyperparameters() for role, config in roles.items()}))
    return roles


def register(session: Session, roles: Mapping[str, AnyConfig], about: str) -> None:
    """Make the winner's model the study's champion; one that was confirmed stays where nothing is.

    The decision describes the model, and heads the study's description.
    """
    tracker, tags = session.tracker, session.tracker.tags()
    if FINALISTS in tags and not session.options.confirm_seeds:
        return
    why = f"{session.view.describe(roles[WINNER])}. The best of the search, not confirmed."
    if session.options.confirm_seeds:
        objective = session.objective
        found = finalists_of(tracker, roles, session.view.shown, objective)
        why = decide(found, read_reranking(tags), objective) or why
        tracker.describe(f"**{markdown(why)}**\n\n{about}", {DECISION: why})
    if (example := session.task.example()) is not None:
        with session.console.status("registering the winner's model"):
            crown(tracker, roles, example, session.objective, why)


def check_still_there(tracker: Tracker) -> None:
    """Raise `InputError` if the database file was removed: what is written to it now is lost without an error."""
    if (file := sqlite_file(tracker.uri)) and not file.exists():
        raise InputError(f"store {tracker.uri!r} was removed while the study ran, and its trials with it")
