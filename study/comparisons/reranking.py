"""The re-ranking: the best few of the search and the default, trained over fresh seeds and judged on validation.

The first of many noisy trials is partly lucky, so a few get another chance. Successive halving (Jamieson & Talwalkar,
AISTATS 2016) spends it: all are trained with one seed, then the default and the better half of the candidates with two
more: 4 candidates make 11 runs. The confirmation has other seeds again, since a seed by which a configuration was
chosen flatters it: the seeds that chose may not testify. So both take 26 runs, where the confirmation alone takes 15.
"""

from collections.abc import Callable, Mapping, Sequence

from hyperstudy.study.comparisons.choice import Reranking, choose
from hyperstudy.study.comparisons.finalists import finished, ranking, with_seed
from hyperstudy.study.core.params import AnyConfig, from_params
from hyperstudy.study.outputs.names import DEFAULT, EARLIER, RERANK, RUNNER_UP, WINNER
from hyperstudy.study.outputs.objective import Objective
from hyperstudy.study.tracking.tracker import Run

CANDIDATES, KEPT = 4, 2  # of the search: trained once, and over all seeds
SEEDS, FIRST_SEED = 3, 500  # the first of them far from those of search and confirmation

Order = Callable[[Sequence[Run], Objective], list[Run]]  # the complete runs of the search, the most promising first


def candidates(
    runs: Sequence[Run], default: AnyConfig, objective: Objective, count: int = CANDIDATES, order: Order = ranking
) -> dict[str, AnyConfig]:
    """The most promising configurations of the search by name, none of them the default.

    Two runs that differ in their seed alone are one configuration.
    """
    ordered = dict.fromkeys(from_params(run.params).replace(seed=default.seed) for run in order(runs, objective))
    best = [config for config in ordered if config != default][:count]
    return {f"candidate-{number}": config for number, config in enumerate(best, start=1)}


def fresh(
    runs: Sequence[Run], configs: Mapping[str, AnyConfig], seeds: int, objective: Objective
) -> dict[str, list[float]]:
    """The objective over the first seeds of the re-ranking, larger is better, of the configurations that have it for
    all."""
    judged = [run for run in finished(runs, RERANK) if "objective" in run.metrics]
    done = {from_params(run.params): objective.own(run.metrics["objective"]) for run in judged}
    found = {}
    for name, config in configs.items():
        wanted = [with_seed(config, FIRST_SEED + index) for index in range(seeds)]
        if all(each in done for each in wanted):
            found[name] = [done[each] for each in wanted]
    return found


def kept(runs: Sequence[Run], entered: Mapping[str, AnyConfig], objective: Objective) -> dict[str, AnyConfig]:
    """The candidates that were best with the first seed, an earlier study's winner, and the default."""
    first = fresh(runs, entered, 1, objective)
    best = sorted((name for name in first if name not in (DEFAULT, EARLIER)), key=lambda name: -first[name][0])[:KEPT]
    return {name: entered[name] for name in (*best, EARLIER, DEFAULT) if name in entered}


def elected(
    runs: Sequence[Run], left: Mapping[str, AnyConfig], objective: Objective
) -> tuple[Reranking, dict[str, AnyConfig]]:
    """The choice among those that were trained over all seeds, and the finalists by role.

    Winner, runner-up, an earlier study's winner, and default. Where one of the last two is the winner, it has that role
    alone: a default that is not listed has won.
    """
    choice = choose(fresh(runs, left, SEEDS, objective))
    roles = {WINNER: left[choice.winner]}
    if choice.runner_up is not None:
        roles[RUNNER_UP] = left[choice.runner_up]
    if EARLIER in left and EARLIER not in (choice.winner, choice.runner_up):
        roles[EARLIER] = left[EARLIER]
    if choice.winner != DEFAULT:
        roles[DEFAULT] = left[DEFAULT]
    return choice, roles
