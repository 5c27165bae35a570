"""What a trial says after each epoch."""

from typing import NamedTuple


class Epoch(NamedTuple):
    """The metrics of one epoch, by the names under which they are charted; some may not be finite.

    `diverged_at` is the first step, counted from 1, after which a number that must be finite was not; None if all are.
    """

    number: int  # counts from 1
    metrics: dict[str, float]
    diverged_at: int | None = None
