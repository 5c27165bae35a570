"""What trials that others ran can tell: where they come from, how they were sampled, what was left out."""

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.page.section import PASS, WARN, Check, Section
from hyperstudy.study.outputs.names import COMPLETE, PRUNED


def place(analysis: Analysis) -> Check | None:
    """Where the trials come from, and what they are judged by."""
    study = analysis.study
    if study.origin is None:
        return None
    states = study.trials.state.value_counts()
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    text = f"{study.origin.place}: {counts}. Judged by {study.objective.label}: {study.objective.direction}."
    return Check(PASS, text)


def sampling(analysis: Analysis) -> Check | None:
    """Whether the trials are a random sample of the space."""
    origin = analysis.study.origin
    if origin is None:
        return None
    if origin.random:
        return Check(PASS, "The trials were sampled at random, as --random says: tests hold as for a design.")
    text = (
        "How the trials were sampled is not known. A sampler that follows earlier results crowds where they were good, "
        "so p values are only a guide, and no claim is more than suggestive."
    )
    return Check(WARN, text, "If they were sampled at random, as by Optuna's RandomSampler: --random.")


def pruned(analysis: Analysis) -> Check | None:
    """Whether trials are missing that were pruned."""
    study = analysis.study
    count = int((study.trials.state == PRUNED).sum())
    if study.origin is None or not count:
        return None
    complete = int((study.trials.state == COMPLETE).sum())
    text = (
        f"{count} trials were pruned. Claims rest on the {complete} that ran to their end, which are the better ones."
    )
    return Check(WARN, text, "Without pruning, effects would not be those among survivors.")


def default(analysis: Analysis) -> Check | None:
    """What cannot be said without a default."""
    if analysis.study.origin is None:
        return None
    text = "No default is known: gains over it, defaults to keep and ablations are left out, and so is a test set."
    return Check(WARN, text, "python -m study.run makes studies that have them.")


def notes(analysis: Analysis) -> Check | None:
    """What was left out, and why."""
    origin = analysis.study.origin
    return Check(WARN, " ".join(origin.notes)) if origin is not None and origin.notes else None


CHECKS = (place, sampling, pruned, notes, default)
SECTION = Section("What these trials can tell", checks={check.__name__: check for check in CHECKS})
