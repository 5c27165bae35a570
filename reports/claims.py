"""What was found: every claim of a report by name, in the order in which a reader asks."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from reports.boundary import boundary_claims
from reports.breaking import failure_claims
from reports.curves import pruning_claims
from reports.defaults import default_claims
from reports.effects import influence_claims, interaction_claims, scaling_claims
from reports.experiments import experiment_claims
from reports.finding import Finding
from reports.frames import Study
from reports.lead import lead_claims, noise_claims
from reports.reproduced import recipe_claims

CLAIMS: dict[str, Callable[[Study], Sequence[Finding]]] = {
    "lead": lead_claims,
    "noise": noise_claims,
    "influence": influence_claims,
    "interaction": interaction_claims,
    "scaling": scaling_claims,
    "boundary": boundary_claims,
    "default": default_claims,
    "experiment": experiment_claims,
    "failure": failure_claims,
    "pruning": pruning_claims,
    "recipe": recipe_claims,
}


@lru_cache(maxsize=len(CLAIMS))
def claims(name: str, study: Study) -> Sequence[Finding]:
    """The claims of one name."""
    return CLAIMS[name](study)


def findings(study: Study) -> list[Finding]:
    """Every claim of the report."""
    return [finding for name in CLAIMS for finding in claims(name, study)]
