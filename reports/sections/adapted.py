"""Sections on accuracy in studies of study.run, in the words of another objective, and of trials that others ran."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

import pandas as pd

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.section import Check, Finding, Section

# Captions that say more of accuracy than its name.
CAPTIONS = {
    "importance": "How much better {objective} gets from the worst to the best value of each hyperparameter, averaged "
    "over the others, with the posterior's 95% intervals. The strongest colour: supported; a lighter one: suggestive; "
    "grey: inconclusive.",
    "importance_table": "What each hyperparameter does among trials that did not fail, with 95% intervals. Worst to "
    "best: the gain, averaged over the others. Near the best: values that are more likely than not within a tenth of "
    "the trials' standard deviation of it. Tuned alone: the gain over the default, all others at theirs. Share: of the "
    "variance in rank, noise included, with all interactions and alone (Sobol indices).",
    "finalist_table": "The finalists over fresh seeds: mean {confirmed} with its 95% interval over seeds, and the cost "
    "of a run.",
    "winner_table": "Both winners over the seeds of their own confirmation: mean {confirmed} with its 95% interval.",
}
# Captions of trials that nobody designed.
OTHERS = {
    "effects": "{objective} against each hyperparameter. Filled dots are trials that ran to their end, on which "
    "conclusions rest; open ones were pruned. Line and grey band: the average over all other hyperparameters and its "
    "95% interval.",
    "learning_curves": "{objective} by step: the three best trials, the median one, and up to three that were pruned.",
    "lr_and_batch_size": "lr and batch_size of every trial. The surface is the average over all others, "
    "drawn where trials are near. Orange line: half of the trials fail. A star marks the best trial.",
    "cost": "{objective} against the seconds that a trial took; the line is the Pareto front, the best for their cost.",
    "failure_table": "Trials that failed, by part of each range, with Wilson's 95% interval.",
    "early_ranking": "How well a step's {objective} ranks the trials as their last step does: Spearman's correlation. "
    "A pruner that decides where it is low loses good trials.",
    "trial_table": "Every trial.",
    "space_table": "The search space.",
}


def adapted(section: Section, study: Study, without: Collection[str] = (), **texts: str) -> Section:
    """The section in the words of the study's objective, with verdicts that its trials carry, and without some rows.

    `texts` replace its title or what it says if it is empty. A study of accuracy of ours needs no other words.
    """
    if study.objective.accuracy and not study.origin:
        return section

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
        steps={} if study.origin else section.steps,  # commands go on with a study of study.run
    )


def in_words(text: str, study: Study) -> str:
    """A text on accuracy as one on the study's objective, and on trials that nobody designed where others ran them."""
    if study.origin:
        text = re.sub(r"\bdesigned ones\b", "trials", re.sub(r"\b(?:designed|random) (?=trial|run)", "", text))
        text = re.sub(r"\bepochs\b", "steps", text)
    elif not study.objective.test_key:
        text = text.replace("on the test set", "over fresh seeds")
    return study.objective.words(text)


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


def _captioned(_: str, row: Callable[[Analysis], Any], study: Study) -> Callable[[Analysis], Any]:
    @wraps(row)
    def drawn(analysis: Analysis) -> Any:
        return row(analysis)

    captions, objective = CAPTIONS | (OTHERS if study.origin else {}), study.objective
    caption = captions.get(row.__name__, "").replace("{confirmed}", objective.confirmed.name)
    drawn.__doc__ = caption.replace("{objective}", objective.label) or in_words(" ".join(row.__doc__.split()), study)
    return drawn


def _table(name: str, row: Callable[[Analysis], pd.DataFrame], study: Study) -> Callable[[Analysis], pd.DataFrame]:
    table = _captioned(name, row, study)

    @wraps(table)
    def linked(analysis: Analysis) -> pd.DataFrame:
        frame = table(analysis)
        return frame if study.link else frame.drop(columns="link", errors="ignore")

    return linked
