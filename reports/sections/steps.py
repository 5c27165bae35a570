"""What to run next, the cheapest first: the ablations that are missing, then the next study."""

import shlex
from typing import Any

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.frames import Study
from hyperstudy.reports.page.section import Section, Step
from hyperstudy.reports.sections.wording import trials_with
from hyperstudy.reports.statistics.verdicts import INCONCLUSIVE
from hyperstudy.study.comparisons.arms import arms_of
from hyperstudy.study.core.domains import Range

SMALL = 0.05  # a hyperparameter whose share is most likely below this may be left at its default
EXTENSION = 0.25  # of a range, on its own scale, where the best trials lie at its end


def missing_ablations(analysis: Analysis) -> Step | None:
    """The ablations that no run has tested yet."""
    runs = sum(map(analysis.missing_runs, arms_of(analysis.hypotheses)))
    if not runs:
        return None
    cost = "" if analysis.run_seconds is None else f", about {runs * analysis.run_seconds:.0f} s"
    why = f"Experiments that measure the effect of each change from default to winner, {runs} runs{cost} of training:"
    return Step(why, _command(analysis.study, "study.ablate", "--study", analysis.study.name))


def next_study(analysis: Analysis) -> Step | None:
    """The study to run after this one: ranges extended where the best lie at an end, defaults where little can be
    gained. None if this one leaves nothing to change."""
    study, extended, fixed = analysis.study, extended_ranges(analysis), fixed_defaults(analysis)
    if not (extended or fixed) or len(fixed) == len(study.searched):
        return None
    tags = {f"--{name}": f"study.{name}" for name in ("dataset", "model", "loop", "trials", "sampler", "pruner")}
    tags["--from"] = "study.file"
    words = [word for option, tag in tags.items() if tag in study.tags for word in (option, study.tags[tag])]
    if not study.objective.accuracy and "study.loop" not in study.tags:  # a loop says itself what it is judged by
        words += ["--objective", study.objective.key.removeprefix("val/")]
    words += ["--study", f"{study.name}-next", "--after", study.name]
    for name, dimension in study.space.items():
        usual = dimension.default if dimension.domain is None else dimension.domain
        words += ["--" + name.replace("_", "-"), str({**fixed, **extended}.get(name, usual))]
    changes = [f"the range of {' and '.join(extended)} extended at the end where the best lie"] if extended else []
    changes += [f"{' and '.join(fixed)} at the default, where little can be gained"] if fixed else []
    return Step(f"The study again with {', and '.join(changes)}:", _command(study, "study.run", *words))


def larger(analysis: Analysis) -> Step | None:
    """The same study with twice as many designed trials; None if its command is not known."""
    words = shlex.split(analysis.study.tags.get("study.command", ""))
    if words[1:3] != ["-m", "study.run"]:
        return None
    trials = trials_with(2 ** (max(2, 2 * len(analysis.study.explored)) - 1).bit_length())
    if "--trials" in words:
        place = words.index("--trials")
        del words[place : place + 2]
    return Step(f"The same study, grown to {trials} trials:", shlex.join([*words, "--trials", str(trials)]))


def fixed_defaults(analysis: Analysis) -> dict[str, Any]:
    """Hyperparameters that show no influence, alone or in a pair, with the default that the next study keeps.

    Those whose default costs something by an experiment or as the trials let expect are left out.
    """
    study, space = analysis.study, analysis.study.space
    small = {row.name for row in analysis.influences if row.share.total < SMALL}
    paired = {name for row in analysis.interactions if row.found for name in row.pair}
    costly = {row.name for row in analysis.expected_defaults if row.gain > row.margin}
    costly |= {r.hypothesis.name for r in analysis.results if r.verdict != INCONCLUSIVE and r.estimate.mean > 0}
    idle = [row.name for row in analysis.influences if row.verdict == INCONCLUSIVE and row.name in small]
    kept = [name for name in idle if name not in paired | costly | set(extended_ranges(analysis))]
    return {name: space[name].default for name in kept if space[name].default in study.domains[name]}


def extended_ranges(analysis: Analysis) -> dict[str, Range]:
    """New ranges of the hyperparameters whose best trials lie at an end, within the limits of what they accept."""
    found: dict[str, Range] = {}
    for crowd in analysis.crowds:
        domain = found.get(crowd.name, crowd.domain)
        low, high = domain.ends
        least, most = analysis.study.space[crowd.name].accepted or domain.ends  # without known limits the range stays
        if crowd.side == "lower":
            low = max(least, crowd.domain.values(-EXTENSION).item())
        else:
            high = min(most, crowd.domain.values(1 + EXTENSION).item())
        low, high = (round(low), round(high)) if domain.integer else (low, high)
        found[crowd.name] = Range(low, high, domain.log)
    return found


def _command(study: Study, module: str, *words: str) -> str:
    """A command to paste, with the stores and the data of the study."""
    places = shlex.split(study.tags.get("study.places", ""))
    return shlex.join(["python", "-m", module, *words, *places])


SECTION = Section(
    "What to run next",
    nothing="No experiment is missing, and these runs do not suggest another study. The health checks say what would "
    "make this one more certain.",
    steps={"ablations": missing_ablations, "study": next_study},
)
