"""Sections on studies of study.run, made to fit trials that others ran: other words, and verdicts that they carry."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.section import Check, Finding, Section

CAPTIONS = {
    "effects": "{objective} against each hyperparameter. Filled dots are trials that ran to their end, on which "
    "conclusions rest; open ones were pruned. Line and grey band: the average over all other hyperparameters and its "
    "95% interval.",
    "importance": "How much better {objective} gets from the worst to the best value of each hyperparameter, averaged "
    "over the others, with 95% intervals.",
    "learning_curves": "{objective} by step: the three best trials, the median one, and up to three that were pruned.",
    "lr_and_batch_size": "lr and batch_size; darker is better. The surface is the average over all others, "
    "drawn where trials are near. Orange line: half of the trials fail. A star marks the best trial.",
    "cost": "{objective} against the seconds that a trial took; the line is the Pareto front, the best for their cost.",
    "failures": "Trials that failed, by part of each range, with Wilson's 95% interval.",
    "early_ranking": "How well a step's {objective} ranks the trials as their last step does: Spearman's correlation. "
    "A pruner that decides where it is low loses good trials.",
    "trials": "Every trial.",
    "space": "The search space.",
}


def adapted(section: Section, study: Study, without: Collection[str] = (), **texts: str) -> Section:
    """The section in the words of the study's objective, with verdicts that its trials carry, and without some rows.

    `texts` replace its title or what it says if it is empty.
    """

    def each(rows: Mapping[str, Callable], change: Callable) -> dict[str, Callable]:
        return {name: change(name, row, study) for name, row in rows.items() if name not in without}

    return replace(
        section,
        title=in_words(texts.get("title", section.title), study),
        nothing=in_words(texts.get("nothing", section.nothing), study),
        claims=each(section.claims, _claims),
        figures=each(section.figures, _captioned),
        tables=each(section.tables, _table),
        checks=each(section.checks, _checked),
        steps={},  # commands go on with a study of study.run
    )


def in_words(text: str, study: Study) -> str:
    """A text on a study of study.run as one on trials that nobody designed."""
    text = re.sub(r"\bdesigned ones\b", "trials", re.sub(r"\b(?:designed|random) (?=trial|run)", "", text))
    return study.objective.words(re.sub(r"\bepochs\b", "steps", text))


def _claims(_: str, row: Callable[[Analysis], list[Finding]], study: Study) -> Callable[[Analysis], list[Finding]]:
    @wraps(row)
    def claims(analysis: Analysis) -> list[Finding]:
        return [
            found._replace(
                claim=in_words(found.claim, study),
                verdict=study.at_most(found.verdict),
                next_step=in_words(found.next_step, study),
            )
            for found in row(analysis)
        ]

    return claims


def _checked(_: str, row: Callable[[Analysis], Check | None], study: Study) -> Callable[[Analysis], Check | None]:
    @wraps(row)
    def check(analysis: Analysis) -> Check | None:
        found = row(analysis)
        return found and Check(found.status, *(in_words(text, study) for text in found[1:]))

    return check


def _captioned(name: str, row: Callable[[Analysis], Any], study: Study) -> Callable[[Analysis], Any]:
    @wraps(row)
    def drawn(analysis: Analysis) -> Any:
        return row(analysis)

    caption = CAPTIONS.get(name, "").replace("{objective}", study.objective.label)
    drawn.__doc__ = caption or in_words(" ".join(row.__doc__.split()), study)
    return drawn


def _table(name: str, row: Callable[[Analysis], pd.DataFrame], study: Study) -> Callable[[Analysis], pd.DataFrame]:
    table = _captioned(name, row, study)

    @wraps(table)
    def linked(analysis: Analysis) -> pd.DataFrame:
        frame = table(analysis)
        return frame if study.link else frame.drop(columns="link", errors="ignore")

    return linked
