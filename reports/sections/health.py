"""Health checks: what to know before trusting the findings."""

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import FAIL, PASS, WARN, Check, Section
from hyperstudy.reports.sections.wording import larger_study, probability
from hyperstudy.reports.statistics.influence import UNLIKELY
from hyperstudy.study.comparisons.decision import UNTESTED
from hyperstudy.study.comparisons.seeds import paired_difference
from hyperstudy.study.core.domains import Domain
from hyperstudy.study.outputs.names import ANSWERS, CONFIRM, FINISHED

SAMPLING = 0.03  # standard error of an accuracy, from the finite number of validation pictures
SHOWN = 3  # files that are named
GAP = 0.01  # of accuracy, by which validation may exceed the test; of other objectives the noise of seeds


def size(analysis: Analysis) -> Check:
    """Whether there are enough designed trials for the hyperparameters."""
    designed, asked = len(analysis.study.explored), len(analysis.study.searched)
    if designed >= 8 * asked:
        return Check(PASS, f"{designed} designed trials for {asked} hyperparameters.")
    status = WARN if designed >= 4 * asked else FAIL
    step = "Needed: " + larger_study(analysis.study, 8 * asked)
    return Check(status, f"Only {designed} designed trials for {asked} hyperparameters.", step)


def pictures(analysis: Analysis) -> Check | None:
    """Whether there are enough validation pictures to tell trials apart by their accuracy."""
    count, chance = int(analysis.study.tags.get("study.validation_pictures", 0)), analysis.study.chance
    if not (count and analysis.study.objective.accuracy) or chance is None:
        return None
    error = max((p * (1 - p) / count) ** 0.5 for p in (chance, 0.9))
    text = f"There are {count:,} validation pictures: one trial's accuracy is known to about {1.96 * error:.3f}."
    if error <= SAMPLING:
        return Check(PASS, text)
    return Check(WARN, text, "Smaller differences may come from the choice of pictures: more are needed.")


def finished(analysis: Analysis) -> Check:
    """Whether all trials are finished."""
    study = analysis.study
    wanted, done = int(study.tags.get("study.trials", 0)), int(study.trials.state.isin(FINISHED).sum())
    if done >= wanted:
        return Check(PASS, f"All {done} trials are finished.")
    step = "Repeat the study's command: it goes on from here."
    return Check(WARN, f"{done} of {wanted} trials are finished; this report covers a part.", step)


def lost(analysis: Analysis) -> Check | None:
    """Whether runs of the study are gone from its store."""
    if not analysis.study.lost:
        return None
    return Check(WARN, f"The store has {analysis.study.lost}.", "Repeat the study's command: it trains them again.")


def failures(analysis: Analysis) -> Check:
    """Whether most designed trials trained."""
    if not len(analysis.study.explored):
        return Check(FAIL, "No designed trial is finished.", "Repeat the study's command.")
    share = analysis.failed.mean()
    text = f"{share:.0%} of the designed trials failed to train."
    if share <= 0.2:
        return Check(PASS, text)
    step = "Exclude the part of the range where they lie, so that the rest is studied more closely."
    return Check(WARN if share <= 0.5 else FAIL, text, step)


def anything(analysis: Analysis) -> Check | None:
    """Whether the trials show that any hyperparameter matters."""
    if analysis.posterior is None:
        return None
    nothing = analysis.posterior.nothing
    text = f"The probability that no hyperparameter matters among trials that train is {probability(nothing)}."
    if nothing <= UNLIKELY:
        return Check(PASS, text)
    return Check(WARN, text, "Add designed trials, or widen the ranges until trials differ.")


def balance(analysis: Analysis) -> Check | None:
    """Whether the designed trials that trained are spread evenly over each hyperparameter."""
    trained, domains = analysis.trained, analysis.study.domains
    if len(trained) < 8:
        return None
    thin = [name for name, domain in domains.items() if _is_thin(trained[name], domain)]
    if not thin:
        return Check(PASS, "The designed trials that trained are spread evenly over every hyperparameter.")
    step = "Little is known there: narrow the range to where training works, or add designed trials."
    return Check(WARN, f"The designed trials that trained leave parts of {', '.join(thin)} nearly empty.", step)


def _is_thin(values: pd.Series, domain: Domain) -> bool:
    """Whether one half of the range, or one level, holds far fewer trials than its share."""
    if domain.numeric:
        upper = (domain.positions(values) >= 0.5).mean()
        return min(upper, 1 - upper) < 0.2
    counts = values.value_counts().reindex(domain.ends, fill_value=0)
    return counts.min() < 0.4 * len(values) / len(counts)


def confirmation(analysis: Analysis) -> Check:
    """Whether the finalists were confirmed over enough seeds."""
    study = analysis.study
    seeds = min((study.of_finalist(role).seed.nunique() for role in study.finalists), default=0)
    text = f"The finalists were confirmed over {seeds} fresh seeds."
    if seeds >= 5:
        return Check(PASS, text)
    return Check(WARN if seeds else FAIL, text, "Repeat the study's command with --confirm-seeds 5.")


def diverged(analysis: Analysis) -> Check | None:
    """Whether confirmation runs of a finalist are missing from its mean, since they have no value."""
    study = analysis.study
    runs = study.runs[(study.runs.phase == CONFIRM) & study.runs.state.isin(FINISHED) & study.runs.tested.isna()]
    counts = {role: len(study.matching(runs, levels)) for role, levels in study.finalists.items()}
    lost = ", ".join(f"{count} of the {role}" for role, count in counts.items() if count)
    if not lost:
        return None
    text = f"Confirmation runs that ended without a value are in no mean: {lost}."
    return Check(WARN, text, "A configuration that may end like this is worse than its mean says.")


def gap(analysis: Analysis) -> Check | None:
    """Whether the winner is on the test data what it was in validation, over the same runs."""
    objective, runs = analysis.study.objective, analysis.study.of_finalist("winner").dropna(subset=["objective"])
    if len(runs) < 2 or not objective.test_key:
        return None
    found = paired_difference(runs.objective, runs.tested)
    difference = f"{objective.name} minus its {objective.confirmed.name} is {objective.difference(found.mean)}"
    text = f"The winner's {difference}, over {found.n} seeds."
    usual = GAP if objective.accuracy else analysis.test_noise.mean if analysis.test_noise else 0.0
    if found.low is None or found.low <= usual:
        return Check(PASS, text)
    if objective.accuracy:
        return Check(WARN, text, "Test pictures are harder than validation pictures: rely on the test accuracies.")
    return Check(WARN, text, f"Test data are harder than validation data: rely on {objective.confirmed.name}.")


def untested(analysis: Analysis) -> Check | None:
    """What is left open without a test metric."""
    if analysis.study.origin or analysis.study.objective.test_key:
        return None
    return Check(WARN, UNTESTED, "A loop with a test metric is measured on such data once, at the end.")


def worse(analysis: Analysis) -> Check | None:
    """Whether the winner lost to the default on the test set."""
    pairs = analysis.study.paired("winner", "default")
    difference = paired_difference(pairs["first"], pairs["second"]) if len(pairs) else None
    if difference is None or difference.high is None or difference.high >= 0:
        return None
    return Check(FAIL, "The winner does worse than the default on the test set.", "Use the default configuration.")


def files(analysis: Analysis) -> Check | None:
    """Whether the confirmation runs' files about the test pictures are there and whole."""
    study = analysis.study
    if study.origin or study.loop:
        return None
    lost, tested = [], {role: study.of_finalist(role) for role in study.finalists}
    if len(winner := tested.get("winner", ())):
        first = winner.name.iloc[0]
        lost += [f"confusion_matrix.csv of {first}"] if study.answers is None else []
        lost += [f"mistakes.npz of {first}"] if study.answers and not study.answers.mistakes else []
    for runs in tested.values() if study.objective.accuracy else ():
        lost += [f"{ANSWERS} of {row.name}" for row in runs.itertuples(index=False) if row.run_id not in study.right]
    if not lost:
        return None
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    text = f"Files are missing or damaged: {', '.join(lost[:SHOWN])}{more}."
    return Check(WARN, text, "What rests on them is left out here; a copy of the store may have them.")


def versions(analysis: Analysis) -> Check:
    """Whether one version of code and libraries made all runs."""
    runs = analysis.study.runs
    seen, commits = runs.versions.dropna().unique(), runs["mlflow.source.git.commit"].dropna().unique()
    if any(commit.endswith("+changes") for commit in commits):
        text = "Some runs were made by code with uncommitted changes."
        return Check(WARN, text, "Commit before the next study, so that its runs can be repeated.")
    if len(seen) <= 1 and len(commits) <= 1:
        return Check(PASS, "All runs were made by the same code and library versions.")
    text = f"Runs were made by {len(commits)} versions of the code and {len(seen)} sets of libraries."
    return Check(WARN, text, "Compare runs across them with care.")


CHECKS = (
    size,
    pictures,
    finished,
    lost,
    failures,
    anything,
    balance,
    confirmation,
    diverged,
    gap,
    untested,
    worse,
    files,
    versions,
)
SECTION = Section("Health checks", checks={check.__name__: check for check in CHECKS})
