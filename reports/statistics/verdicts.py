"""From p values to verdicts."""

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests

SUPPORTED, SUGGESTIVE, INCONCLUSIVE = "supported", "suggestive", "inconclusive"


def verdict_of(p: float) -> str:
    """The verdict for a corrected p value."""
    return SUPPORTED if p < 0.05 else SUGGESTIVE if p < 0.2 else INCONCLUSIVE


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected by Holm's step-down rule (1979)."""
    return multipletests(p_values, method="holm")[1].tolist() if len(p_values) else []
