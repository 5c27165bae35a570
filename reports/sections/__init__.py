"""What a report says: a file for each question of the reader, with its claims, figures and tables."""

from reports.frames import Study
from reports.page.section import Section
from reports.sections import (
    ablations,
    appendix,
    effects,
    failures,
    health,
    importance,
    mistakes,
    pairs,
    ranges,
    recipes,
    steps,
    training,
    winner,
)

SECTIONS: tuple[Section, ...] = (  # what was found, why, what it costs, what to run next, what it rests on
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
RECIPE_SECTIONS: tuple[Section, ...] = (recipes.SECTION, appendix.SECTION)  # of a study of published recipes


def outline(study: Study) -> tuple[str, tuple[Section, ...]]:
    """The question that a study asks, and the sections that answer it."""
    if study.searched:
        names, model, dataset = ", ".join(study.searched), study.tags["study.model"], study.tags["study.dataset"]
        question = f"How do {names} affect the accuracy of model {model} on {dataset}, and which configuration is best?"
        return question, SECTIONS
    return (
        "Do published recipes give what their tutorials say? Each is trained exactly as in its tutorial, over several "
        "seeds, on all training pictures, and tested on the test pictures after every epoch. They decide nothing.",
        RECIPE_SECTIONS,
    )
