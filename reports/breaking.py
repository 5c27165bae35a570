"""Where training breaks: claims of all designed trials, of which some diverged or learned next to nothing."""

from functools import lru_cache

from reports.failures import Break, Corner, Edge, Logistic, breaks, corners, logistic
from reports.finding import INCONCLUSIVE, SUPPORTED, Finding, larger_study
from reports.frames import Study
from reports.selection import failed
from reports.stats import rate
from study.outputs.names import DIVERGED

ENOUGH = 8  # designed trials to tell a rate of failures by


@lru_cache(maxsize=1)
def breaks_of(study: Study) -> list[Break]:
    """How failures depend on every searched hyperparameter, the clearest first; empty with too few to tell."""
    return breaks(study.explored, failed(study), study.space)


@lru_cache(maxsize=1)
def corners_of(study: Study) -> list[Corner]:
    """The pairs that fail together, where no hyperparameter is found to do so alone."""
    if any(row.found for row in breaks_of(study)):
        return []
    return corners(study.explored, failed(study), study.space)


@lru_cache(maxsize=4)
def logistic_of(study: Study, one: Break) -> Logistic:
    return logistic(study.explored, failed(study), study.space, one)


def failure_claims(study: Study) -> list[Finding]:
    """How often training fails over the whole space, and from where on."""
    runs, bad = study.explored, failed(study)
    if runs.empty:
        return []
    share, diverged = rate(int(bad.sum()), len(runs)), int((runs.state == DIVERGED).sum())
    claim = (
        f"{int(bad.sum())} of {len(runs)} designed trials failed to train: {diverged} diverged, and "
        f"{int(bad.sum()) - diverged} ended at or near chance."
    )
    interval, evidence = f"[{share.low:.0%}, {share.high:.0%}]", list(runs[bad].run_id)
    found = [_break(study, row) for row in breaks_of(study) if row.found]
    found += [_corner(study, row) for row in corners_of(study)[:1]]  # the others overlap with the clearest
    step, verdict = "", SUPPORTED if len(runs) >= ENOUGH else INCONCLUSIVE
    if verdict == INCONCLUSIVE:
        step = "Too few to tell a rate: " + larger_study(study, ENOUGH)
    elif bad.sum() > 0 and not found:
        step = "Which hyperparameter does it is not clear: " + larger_study(study)
    return [Finding("failure", claim, f"{share.mean:.0%}", interval, len(runs), verdict, evidence, step), *found]


def _corner(study: Study, row: Corner) -> Finding:
    claim = (
        f"Training fails with {' together with '.join(map(_where, row.edges))}: {_count(row.beyond)} there, "
        f"{_count(row.within)} elsewhere (p = {row.p_holm:.4f}, corrected); neither is found to do so alone."
    )
    interval, evidence = f"[{row.beyond.low:.0%}, {row.beyond.high:.0%}]", list(study.explored[failed(study)].run_id)
    n = len(study.explored)
    return Finding("failure", claim, f"{row.beyond.mean:.0%}", interval, n, SUPPORTED, evidence)


def _where(edge: Edge | Break) -> str:
    if edge.side == "at":
        return f"{edge.name} at {edge.cut}"
    return f"{edge.name} from {edge.cut:.3g} {'up' if edge.side == 'above' else 'down'}"


def _break(study: Study, row: Break) -> Finding:
    claim = (
        f"Training fails with {_where(row)}: {_count(row.beyond)} there, {_count(row.within)} elsewhere "
        f"(p = {row.p_holm:.4f}, corrected)."
    )
    effect, interval = f"{row.beyond.mean:.0%}", f"[{row.beyond.low:.0%}, {row.beyond.high:.0%}]"
    limit = None if row.side == "at" else logistic_of(study, row).limit
    if limit is not None:
        effect, interval = f"{limit.value:.3g}", f"[{limit.low:.3g}, {limit.high:.3g}]"
        claim += f" At {row.name} {limit.value:.3g} a trial fails as often as not, {row.side} it more often."
    evidence = list(study.explored[failed(study)].run_id)
    return Finding("failure", claim, effect, interval, len(study.explored), SUPPORTED, evidence)


def _count(share) -> str:
    return f"{round(share.mean * share.n)} of {share.n}"
