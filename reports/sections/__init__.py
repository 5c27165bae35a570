"""What a report says: a file for each question of the reader, with its claims, figures and tables."""

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Origin, Study
from hyperstudy.reports.page.section import Section
from hyperstudy.reports.sections import (
    ablations,
    appendix,
    best,
    effects,
    failures,
    health,
    importance,
    mistakes,
    origin,
    pairs,
    ranges,
    recipes,
    steps,
    training,
    winner,
)
from hyperstudy.reports.sections.adapted import adapted
from hyperstudy.study.outputs.names import PRUNED

SECTIONS: tuple[Section[Analysis], ...] = (  # what was found, why, what it costs, what to run next, what it rests on
    winner.SECTION,
    importance.SECTION,
    effects.SECTION,
    pairs.SECTION,
    failures.SECTION,
    ranges.SECTION,
    ablations.SECTION,
    training.SECTION,
    mistakes.SECTION,
    steps.SECTION,
    health.SECTION,
    appendix.SECTION,
)
OTHERS_SECTIONS: tuple[Section[Analysis], ...] = (best.SECTION, origin.SECTION)  # on trials that others ran alone
OURS_ALONE = (
    *("scaling", "default", "defaults", "pictures", "finished", "confirmation", "diverged", "gap", "worse"),
    *("untested", "versions"),
)
RECIPE_SECTIONS: tuple[Section[Analysis], ...] = (recipes.SECTION, appendix.SECTION)  # of a study of published recipes


def outline(study: Study) -> tuple[str, tuple[Section[Analysis], ...]]:
    """The question that a study asks, and the sections that answer it."""
    if study.origin:
        return _question_of_others(study, study.origin), _sections_of_others(study, study.origin)
    if study.searched:
        return _question(study), _sections(study)
    return (
        "Do published recipes give what their tutorials say? Each is trained exactly as in its tutorial, over several "
        "seeds, on all training pictures, and tested on the test pictures after every epoch. They decide nothing.",
        RECIPE_SECTIONS,
    )


def _question(study: Study) -> str:
    names, tags, objective = ", ".join(study.searched), study.tags, study.objective
    asked = objective.bare if objective.accuracy else objective.described
    subject = f"loop {study.loop}" if study.loop else f"model {tags['study.model']} on {tags['study.dataset']}"
    return f"How do {names} affect the {asked} of {subject}, and which configuration is best?"


def _sections(study: Study) -> tuple[Section[Analysis], ...]:
    """All sections in the words of the objective. A loop has no classes to mistake, and its epochs are its own."""
    left = [section for section in SECTIONS if section is not mistakes.SECTION or not study.loop]
    without = ("scaling",) if study.loop else ()
    return tuple(section if section is mistakes.SECTION else adapted(section, study, without) for section in left)


def _question_of_others(study: Study, source: Origin) -> str:
    names, objective = ", ".join(study.searched), study.objective
    caution = "" if source.random else " They may not be a random sample, so no claim is more than suggestive."
    return (
        f"How do {names} affect {objective.described}, and which configuration is best? "
        f"{len(study.runs)} trials of {source.place}.{caution}"
    )


def _sections_of_others(study: Study, source: Origin) -> tuple[Section[Analysis], ...]:
    """What can be said without a default, a confirmation and a test set; and what cannot."""
    pruned = bool((study.trials.state == PRUNED).any())
    random = source.random and not pruned
    unrepresentative = [*(["pruning", "early_ranking"] if pruned else []), *([] if random else ["budget"])]
    ends = {"title": "Which ranges to extend", "nothing": "The best trials lie inside every range."}
    return (
        adapted(best.SECTION, study),
        adapted(importance.SECTION, study),
        adapted(effects.SECTION, study),
        adapted(pairs.SECTION, study, OURS_ALONE),
        adapted(ranges.SECTION, study, OURS_ALONE, **ends),
        adapted(failures.SECTION, study, title="Where trials fail"),
        adapted(training.SECTION, study, unrepresentative),
        adapted(health.SECTION, study, OURS_ALONE),
        adapted(origin.SECTION, study),
        adapted(appendix.SECTION, study),
    )
