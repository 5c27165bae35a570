"""What a report computes of a study, each part once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.reports.statistics.ablations import Result, compare
from hyperstudy.reports.statistics.boundaries import Crowd, crowds
from hyperstudy.reports.statistics.breakpoints import Break, breaks, pair_breaks
from hyperstudy.reports.statistics.curves import ending
from hyperstudy.reports.statistics.defaults import Default, by_experiment, by_posterior
from hyperstudy.reports.statistics.effects import POINT, Curve, Gain, at, averaged, gain, place
from hyperstudy.reports.statistics.influence import Influence, influences
from hyperstudy.reports.statistics.interactions import Interaction, interactions
from hyperstudy.reports.statistics.intervals import Interval, spread
from hyperstudy.reports.statistics.limits import Limits, limits
from hyperstudy.reports.statistics.lr_law import LrLaw, lr_law
from hyperstudy.reports.statistics.posterior import Posterior, fit_posterior
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from hyperstudy.study.comparisons.arms import SEEDS, Arm, Hypothesis, hypotheses
from hyperstudy.study.outputs.names import COMPLETE, DIVERGED, EXPLORE, FAILED, PRUNED

LEARNED = 0.1  # of the way from chance to 1: below it a network has learned next to nothing
USUAL_NOISE = 0.005  # of accuracy over seeds, where no confirmation has measured it


@dataclass(frozen=True, eq=False)
class Analysis:
    """A study with everything that is computed of it, when it is first asked for."""

    study: Study

    @cached_property
    def failed(self) -> pd.Series:
        """Which of the designed runs diverged, or learned next to nothing."""
        return self._failed(self.study.explored)

    @cached_property
    def trained(self) -> pd.DataFrame:
        """The designed runs that learned something."""
        return self.study.explored[~self.failed]

    def _failed(self, runs: pd.DataFrame) -> pd.Series:
        """Which runs diverged, or learned next to nothing: of other objectives than accuracy, those that are no better
        than guessing. Where the value of guessing is not known, those that have no value."""
        chance, values = self.study.chance, runs.objective
        if chance is None:
            return values.isna()
        least = chance + LEARNED * (1 - chance) if self.study.objective.accuracy else chance
        return (runs.state == DIVERGED) | values.isna() | (values <= least)

    @cached_property
    def posterior(self) -> Posterior | None:
        """What all finished trials say of the others; None for too few that trained, or where all of them are equal."""
        runs = self.study.trials
        runs = runs[runs.state.isin((COMPLETE, DIVERGED, FAILED))].sort_values("trial", kind="stable")
        most = 1.0 if self.study.objective.accuracy else np.inf
        return fit_posterior(runs, self.study.domains, ~self._failed(runs), runs.phase == EXPLORE, most=most)

    @cached_property
    def curves(self) -> dict[str, Curve]:
        """The objective along every searched hyperparameter, averaged over all others; empty without a posterior."""
        return {name: averaged(self.posterior, name) for name in self.study.domains} if self.posterior else {}

    @cached_property
    def influences(self) -> list[Influence]:
        """The influence of every searched hyperparameter among the runs that trained, the largest first."""
        return influences(self.posterior, self.curves, self.tolerance) if self.posterior else []

    @property
    def tolerance(self) -> float:
        """A difference that hardly counts: a point of accuracy, otherwise a tenth of the trials' standard deviation."""
        return POINT if self.study.objective.accuracy else float(self.trained.objective.std()) / 10

    @cached_property
    def gains(self) -> list[Gain]:
        """What tuning every searched hyperparameter alone adds to the default, all others at theirs; the largest first.
        Empty where the default lies outside of the space."""
        domains = self.study.domains
        defaults = {name: self.study.space[name].default for name in domains}
        inside = all(defaults[name] is not None and defaults[name] in domain for name, domain in domains.items())
        if self.posterior is None or not inside:
            return []
        centre = place(domains, defaults)
        found = [gain(at(self.posterior, name, centre)) for name in domains]
        return sorted(found, key=lambda row: -row.difference.mean)

    @cached_property
    def interactions(self) -> list[Interaction]:
        """Every pair of searched hyperparameters among the designed runs that trained, those found first."""
        return interactions(self.trained, self.study.domains)

    @cached_property
    def lr_law(self) -> LrLaw | None:
        """How the best learning rate changes with the batch size; None where the trials do not tell."""
        return lr_law(self.posterior) if self.posterior else None

    @cached_property
    def breaks(self) -> list[Break]:
        """How failures depend on every searched hyperparameter, the clearest first; empty with too few to tell."""
        return breaks(self.study.explored, self.failed, self.study.domains)

    @cached_property
    def corners(self) -> list[Break]:
        """The pairs that fail together, where no hyperparameter is found to do so alone."""
        if any(row.found for row in self.breaks):
            return []
        return [row for row in pair_breaks(self.study.explored, self.failed, self.study.domains) if row.found]

    @cached_property
    def limits(self) -> dict[str, Limits]:
        """Where half of the trials fail, for every numeric hyperparameter that failures depend on."""
        edges = [row.edges[0] for row in self.breaks if row.found and row.edges[0].side != "at"]
        return {edge.name: limits(self.study.explored, self.failed, self.study.domains, edge) for edge in edges}

    @cached_property
    def crowds(self) -> list[Crowd]:
        """The ends of ranges at which the best lies."""
        complete = self.study.trials[self.study.trials.state == COMPLETE]
        relevant = [row.name for row in self.influences if row.verdict == SUPPORTED]
        return crowds(complete, self.study.space, self.curves, relevant)

    @cached_property
    def hypotheses(self) -> list[Hypothesis]:
        """Every hypothesis about winner and default; empty without a confirmation, or if the default is the winner."""
        study = self.study
        if "winner" not in study.finalists:
            return []
        defaults = {name: row.default for name, row in study.space.items()}
        return hypotheses(study.finalists["winner"], defaults, study.searched)

    @cached_property
    def results(self) -> list[Result]:
        """What the runs say of every hypothesis whose arms share at least two seeds."""
        return compare(self.hypotheses, self.study.runs_of)

    def missing_runs(self, arm: Arm) -> int:
        """Runs that an arm lacks to have as many seeds as the winner."""
        seeds = max(SEEDS, len(self.study.of_finalist("winner")))
        return max(0, seeds - len(self.study.runs_of(arm.levels)))

    @cached_property
    def run_seconds(self) -> float | None:
        """Estimated seconds of training one run of an arm: the mean over winner and default, since arms lie between
        them; None without a confirmation."""
        runs = pd.concat([self.study.of_finalist(role) for role in ("winner", "default")])
        return float(runs.train_seconds.mean()) if runs.train_seconds.notna().any() else None

    @cached_property
    def validation_noise(self) -> Interval | None:
        """Standard deviation of the objective over seeds, pooled over the finalists; None if not measured."""
        return self._noise("objective")

    @cached_property
    def test_noise(self) -> Interval | None:
        """The same on the test data, or on validation where there is no test metric."""
        return self._noise("tested")

    def _noise(self, metric: str) -> Interval | None:
        estimate = spread([self.study.of_finalist(role)[metric].dropna() for role in self.study.finalists])
        return estimate if estimate is not None and estimate.mean > 0 else None

    @property
    def noise(self) -> float:
        """Standard deviation of the objective over seeds, or its usual value."""
        usual = USUAL_NOISE if self.study.objective.accuracy else 0.0
        return self.validation_noise.mean if self.validation_noise else usual

    @cached_property
    def expected_defaults(self) -> list[Default]:
        """What each default costs by the posterior, at the winner or, where that lies outside of the space, at the best
        trial; empty without a measured noise."""
        if self.posterior is None or self.validation_noise is None:
            return []
        best = self.trained.sort_values("objective").iloc[-1]
        levels, domains = self.study.finalists.get("winner"), self.study.domains
        if levels is None or not all(levels[name] in domain for name, domain in domains.items()):
            levels = {name: best[name] for name in domains}
        return by_posterior(self.posterior, self.study.space, levels, self.validation_noise.mean)

    @cached_property
    def defaults(self) -> list[Default]:
        """What each default costs: by an experiment where there is one, else by the posterior."""
        tried = by_experiment(self.results, self.test_noise.mean) if self.test_noise else []
        found = {row.name: row for row in (*self.expected_defaults, *tried)}
        return [found[name] for name in self.study.searched if name in found]

    @cached_property
    def endings(self) -> pd.Series:
        """How every trial ended, by run id: by its curve if it is complete, otherwise by its state."""
        ended = self.study.trials[self.study.trials.state.isin((COMPLETE, PRUNED, DIVERGED))].set_index("run_id").state
        if not self.noise:
            return ended  # without a known noise, a curve's end has no name
        curves = {run: curve for run, curve in self.study.curves.groupby("run_id") if run in ended.index}
        ends = {
            run: ending(curve, self.noise) if ended[run] == COMPLETE else ended[run] for run, curve in curves.items()
        }
        return pd.Series(ends, dtype=object)
