"""How often a supported claim is supported again: `python -m tests.trials_of_others.replication --studies 10`.

Runs independent default studies of the digits, each with a seed and a store of its own, and looks up every supported
claim of each among those of all others. Prints tables in Markdown. A study takes about a minute on two cores; one that
lies in the folder already goes on, or is read as it is.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.load import load
from hyperstudy.reports.sections.ablations import experiment_claims
from hyperstudy.reports.sections.importance import influence_claims
from hyperstudy.reports.sections.pairs import lr_law_claims
from hyperstudy.reports.sections.ranges import default_claims
from hyperstudy.reports.sections.training import pruning_claims
from hyperstudy.reports.sections.winner import lead_claims
from hyperstudy.reports.sections.wording import level
from hyperstudy.reports.statistics.lr_law import RULES
from hyperstudy.reports.statistics.verdicts import SUPPORTED
from hyperstudy.study.comparisons.arms import ALONE
from hyperstudy.study.comparisons.seeds import Estimate
from hyperstudy.study.core.errors import Parser, count, exit_code

RESAMPLES = 4000  # of the bootstrap
ROOT = Path(__file__).parents[2]


class Claim(NamedTuple):
    """A supported claim: its kind, what it names, and all that it says of it."""

    kind: str
    name: str
    says: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return " ".join([f"{self.kind}: {self.name}", *sorted(self.says)])


def again(claim: Claim, others: Sequence[Claim]) -> bool:
    """Whether one of the others is of the same kind, names the same, and says all that the claim says."""
    return any(claim[:2] == other[:2] and claim.says <= other.says for other in others)


def supported(analysis: Analysis) -> list[Claim]:
    """Every supported claim of a report."""
    parts = (_influences, _interactions, _laws, _failures, _experiments, _defaults, _leads, _pruning)
    return [claim for part in parts for claim in part(analysis)]


def _influences(analysis: Analysis) -> Iterator[Claim]:
    for row, found in zip(analysis.influences, influence_claims(analysis), strict=False):
        if found.verdict == SUPPORTED:
            domain, (best, worst) = analysis.study.domains[row.name], (row.effect.best, row.effect.worst)
            says = {f"best at {level(domain, best)}", f"worst at {level(domain, worst)}"}
            if domain.numeric:
                says = {"upwards" if best > worst else "downwards"}
            yield Claim("influence", row.name, frozenset(says if "best at" in found.claim else ()))


def _interactions(analysis: Analysis) -> Iterator[Claim]:
    for row in analysis.interactions:
        if row.found:
            yield Claim("interaction", " x ".join(sorted(row.pair)))


def _laws(analysis: Analysis) -> Iterator[Claim]:
    law = analysis.lr_law
    if law and lr_law_claims(analysis)[0].verdict == SUPPORTED:
        excluded = (rule for rule, exponent in RULES.items() if not law.low <= exponent <= law.high)
        yield Claim("scaling", "lr by batch size", frozenset(f"not {rule}" for rule in excluded))


def _failures(analysis: Analysis) -> Iterator[Claim]:
    for row in [row for row in analysis.breaks if row.found] or analysis.corners[:1]:
        sides = (f"{edge.side} {edge.cut}" if edge.side == "at" else edge.side for edge in row.edges)
        yield Claim("failure", " x ".join(edge.name for edge in row.edges), frozenset(sides))


def _experiments(analysis: Analysis) -> Iterator[Claim]:
    rows = [row for row in analysis.results if row.hypothesis.kind == ALONE]
    for row, found in zip(rows, experiment_claims(analysis), strict=True):
        if found.verdict == SUPPORTED:
            _, name, before, after, *_ = row.hypothesis
            way = f"to {after}"
            if analysis.study.domains[name].numeric:
                way = "upwards" if after > before else "downwards"
            yield Claim("experiment", name, frozenset({way, "raises" if row.estimate.mean > 0 else "lowers"}))


def _defaults(analysis: Analysis) -> Iterator[Claim]:
    safe = [row for row in analysis.defaults if row.safe]
    for row, found in zip(safe, default_claims(analysis), strict=True):
        if found.verdict == SUPPORTED:
            yield Claim("default", row.name)


def _leads(analysis: Analysis) -> Iterator[Claim]:
    for found in lead_claims(analysis):
        if found.verdict == SUPPORTED:
            other = "runner-up" if "the runner-up" in found.claim else "default"
            yield Claim("lead", f"over the {other}", frozenset({"below" if found.effect.startswith("-") else "above"}))


def _pruning(analysis: Analysis) -> Iterator[Claim]:
    for found in pruning_claims(analysis):
        if found.verdict == SUPPORTED:
            yield Claim("pruning", "by the median costs nothing")


def rate_again(studies: Sequence[Sequence[Claim]], kinds: Sequence[str] = ()) -> Estimate:
    """How often a supported claim of one study is supported by another, over all pairs of studies.

    The interval is a bootstrap's over studies, which are independent; claims of one study are not. `n` counts claims.
    """
    counted = [[claim for claim in said if not kinds or claim.kind in kinds] for said in studies]
    asked = np.array([[len(said) * (one != two) for two in range(len(studies))] for one, said in enumerate(counted)])
    hits = np.array(
        [
            [sum(again(c, studies[two]) for c in said) * (one != two) for two in range(len(studies))]
            for one, said in enumerate(counted)
        ]
    )
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(studies), np.full(len(studies), 1 / len(studies)), RESAMPLES)
    sums = [np.einsum("bi,ij,bj->b", times, part, times) for part in (hits, asked)]
    drawn = sums[0][sums[1] > 0] / sums[1][sums[1] > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(hits.sum() / asked.sum()), float(low), float(high), sum(map(len, counted)))


def markdown(studies: Sequence[Sequence[Claim]]) -> str:
    """A row per claim, then a row per kind and one of all."""
    lines = ["| claim | studies that support it | supported again by another |", "|---|---|---|"]
    for claim in sorted({claim for said in studies for claim in said}, key=lambda c: (c.kind, c.name, sorted(c.says))):
        holding = [claim in said for said in studies]
        seen = [again(claim, said) for said in studies]
        others = (sum(seen) - 1) / (len(studies) - 1)
        lines.append(f"| {claim} | {sum(holding)} of {len(studies)} | {others:.0%} |")
    lines += ["", "| kind | claims | supported again [95%] |", "|---|---|---|"]
    present = dict.fromkeys(claim.kind for said in studies for claim in said)
    for label, kinds in [*((kind, (kind,)) for kind in present), ("all", ())]:
        found = rate_again(studies, kinds)
        lines.append(f"| {label} | {found.n} | {found.mean:.0%} [{found.low:.0%}, {found.high:.0%}] |")
    return "\n".join(lines)


def run(seed: int, folder: Path) -> str:
    """The store of the study with that seed, which is run unless it is finished."""
    place = (folder / f"rep-{seed}").resolve()
    place.mkdir(parents=True, exist_ok=True)
    store = f"sqlite:///{place / 'mlflow.db'}"
    words = ["--trials", "50", "--seed", str(seed), "--study", f"rep-{seed}", "--tracking-uri", store]
    with (place / "log").open("a") as log:
        subprocess.run([sys.executable, "-m", "study.run", *words], cwd=ROOT, stdout=log, stderr=log, check=True)
    return store


def claims_of(seed: int, store: str) -> list[Claim]:
    return supported(Analysis(load(store, f"rep-{seed}", "")))


def main(words: list[str] | None = None) -> int:
    parser = Parser(prog="python -m tests.trials_of_others.replication", description=__doc__)
    parser.add_argument("--studies", type=count("studies", 2), default=10, help="independent studies (default 10)")
    parser.add_argument("--folder", type=Path, required=True, help="for the studies' stores")
    options = parser.parse(words)
    seeds = range(1, options.studies + 1)
    stores = [run(seed, options.folder) for seed in seeds]
    studies = Parallel(n_jobs=2)(delayed(claims_of)(*pair) for pair in zip(seeds, stores, strict=True))
    print(markdown(studies))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code("tests.trials_of_others.replication", main))
