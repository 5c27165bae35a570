"""What a reader came for: the decision of a study, what else there is to know, and the next command."""

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import Decision
from hyperstudy.reports.sections import importance
from hyperstudy.reports.sections.adapted import adapted
from hyperstudy.reports.sections.best import best_in_words
from hyperstudy.reports.sections.steps import larger, missing_ablations, next_study
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE, SUPPORTED
from hyperstudy.study.comparisons.decision import Finalist, decide, in_levels, not_told_apart
from hyperstudy.study.outputs.names import COMPLETE


def decision(analysis: Analysis) -> Decision[Analysis] | None:
    """The decision; None for a study of recipes, which decides nothing, and before a trial is complete."""
    study = analysis.study
    if not study.searched or not (study.trials.state == COMPLETE).any():
        return None
    lines = [("Not told apart", _not_apart(analysis)), *_influences(analysis), ("Leave alone", _safe(analysis))]
    steps = [] if study.origin else [missing_ablations(analysis), next_study(analysis), larger(analysis)]
    command = next((step.command for step in steps if step is not None), "")
    shown = tuple((label, text) for label, text in lines if text)
    picture = adapted(importance.SECTION, study).figures["importance"] if analysis.influences else None
    return Decision(_sentence(analysis), shown, command, picture)


def _finalists(analysis: Analysis) -> dict[str, Finalist]:
    study, found = analysis.study, {}
    for role, levels in study.finalists.items():
        seconds = study.of_finalist(role).train_seconds.mean()
        searched = {name: levels[name] for name in study.searched}
        found[role] = Finalist(searched, study.answered(role), float(seconds) if seconds > 0 else None)
    return found


def _sentence(analysis: Analysis) -> str:
    study = analysis.study
    return decide(_finalists(analysis), study.reranking, study.objective) or best_in_words(analysis)


def _not_apart(analysis: Analysis) -> str:
    rows = not_told_apart(_finalists(analysis))
    return "; ".join(f"the {role} ({in_levels(levels)})" for role, levels in rows.items())


def _influences(analysis: Analysis) -> list[tuple[str, str]]:
    """What matters, with its effect, and what is not known to."""
    study, matter, unknown = analysis.study, [], []
    for row in analysis.influences:
        if study.at_most(row.verdict) == SUPPORTED:
            matter.append(f"{row.name} ({study.objective.amount(row.effect.difference.mean)} from worst to best)")
        elif row.verdict == INCONCLUSIVE:
            unknown.append(row.name)
        else:
            unknown.append(f"{row.name} (may matter)")
    if not analysis.influences:
        unknown = study.searched
    return [("Matters", ", ".join(matter)), ("Unknown", ", ".join(unknown))]


def _safe(analysis: Analysis) -> str:
    """The hyperparameters whose default is good enough."""
    return ", ".join(f"{row.name} (at {row.default})" for row in analysis.defaults if row.safe)
