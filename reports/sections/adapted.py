"""Sections on accuracy in studies of study.run, in the words of another objective, and of trials that others ran."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import TypeVar

import pandas as pd

from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.section import Check, Finding, S, Section

R = TypeVar("R")
Claims = Callable[[S], Sequence[Finding]]

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


def adapted(section: Section[S], study: Study, without: Collection[str] = (), **texts: str) -> Section[S]:
    """The section in the words of the study's objective, with verdicts that its trials carry, and without some rows.

    `texts` replace its title or what it says if it is empty. A study of accuracy of ours needs no other words.
    """
    if study.objective.accuracy and not study.origin:
        return section

    def each(rows: Mapping[str, R], change: Callable[[str, R, Study], R]) -> dict[str, R]:
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


def _claims(_: str, row: Claims[S], study: Study) -> Claims[S]:
    @wraps(row)
    def claims(subject: S) -> list[Finding]:
        return [
            found._replace(
                claim=in_words(found.claim, study),
                verdict=study.at_most(found.verdict),
                next_step=in_words(found.next_step, study),
            )
            for found in row(subject)
        ]

    return claims


def _checked(_: str, row: Callable[[S], Check | None], study: Study) -> Callable[[S], Check | None]:
    @wraps(row)
    def check(subject: S) -> Check | None:
        found = row(subject)
        return found and Check(found.status, *(in_words(text, study) for text in found[1:]))

    return check


def _captioned(_: str, row: Callable[[S], R], study: Study) -> Callable[[S], R]:
    @wraps(row)
    def drawn(subject: S) -> R:
        return row(subject)

    captions, objective = CAPTIONS | (OTHERS if study.origin else {}), study.objective
    caption = captions.get(row.__name__, "").replace("{confirmed}", objective.confirmed.name)
    own = " ".join((row.__doc__ or "").split())
    drawn.__doc__ = caption.replace("{objective}", objective.label) or in_words(own, study)
    return drawn


def _table(name: str, row: Callable[[S], pd.DataFrame], study: Study) -> Callable[[S], pd.DataFrame]:
    table = _captioned(name, row, study)

    @wraps(table)
    def linked(subject: S) -> pd.DataFrame:
        frame = table(subject)
        return frame if study.link else frame.drop(columns="link", errors="ignore")

    return linked
