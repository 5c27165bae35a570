"""Wanted against measured rates, a row of dots per promise."""

from pathlib import Path

import numpy as np

from hyperstudy.reports.page.style import BLUE, GREY, ORANGE, canvas
from tests.trials_of_others.rates import WANTED, Tallies, together

ROWS = {  # kind: label
    "total share covered": "95% intervals of total shares cover",
    "first-order share covered": "95% intervals of first-order shares cover",
    "worst to best covered": "95% intervals of effects cover",
    "worst to best is at least its lower end": "an effect is at least its lower end",
    "gain over the default covered": "95% intervals of gains cover",
    "share over 15% found": "a share over 15% is found",
    "share of 5 to 15% found": "a share of 5 to 15% is found",
    "an inert hyperparameter is said to matter": "an inert one is said to matter",
    "worst and best exchanged": "best and worst are named and exchanged",
    "nothing matters: any supported sentence": "anything is supported where nothing matters",
}


def draw_chart(by_table: dict[str, Tallies], path: Path) -> None:
    """Grey bands: what is wanted; orange: outside of it. Small dots: tables; large ones: all, with Wilson's 95%
    intervals."""
    every, kinds = (
        together(by_table.values()),
        [kind for kind in ROWS if any(kind in part for part in by_table.values())],
    )
    figure, axes = canvas(0.9 + 0.52 * len(kinds))
    for place, kind in enumerate(kinds):
        wanted, found = WANTED[kind], every[kind].estimate
        ends = 100 * np.array(wanted)
        axes.barh(place, ends[1] - ends[0], 0.34, ends[0], color=GREY, alpha=0.25, linewidth=0)
        parts = [100 * part[kind].estimate.mean for part in by_table.values() if kind in part]
        axes.scatter(parts, [place] * len(parts), color=GREY, s=13, alpha=0.7, linewidth=0, clip_on=False, zorder=2)
        colour = BLUE if found.high >= wanted.low and found.low <= wanted.high else ORANGE
        interval = [100 * found.low, 100 * found.high]
        axes.plot(interval, [place] * 2, color=colour, linewidth=1.6, clip_on=False, zorder=3)
        axes.scatter([100 * found.mean], [place], color=colour, s=44, clip_on=False, zorder=4)
        axes.text(0, place - 0.24, ROWS[kind], va="bottom", fontsize=10.5)
    axes.set(ylim=(len(kinds) - 0.6, -0.75), yticks=[], xlim=(0, 100), xlabel="% of statements; band: wanted")
    axes.spines["left"].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
