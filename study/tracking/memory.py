"""A tracker that keeps what a driver writes in memory: nothing of it reaches a store."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple


class Kept(NamedTuple):
    """What is kept of a run: its state; its metrics by name and epoch, those of the whole run at 0; files by name."""

    state: str
    metrics: Mapping[str, Mapping[int, float]]
    files: Mapping[str, bytes]
    tags: Mapping[str, str]

    @property
    def epochs(self) -> int:
        return max((step for values in self.metrics.values() for step in values), default=0)


class Memory:
    """Calls `ended` with the tag `run` of every run that finishes or fails, and with what is kept of it. `lost` are
    those that were cut off and have not finished since."""

    def __init__(self, ended: Callable[[str, Kept], None]) -> None:
        self.lost: dict[str, Kept] = {}
        self._ended = ended
        self._metrics: dict[str, dict[str, dict[int, float]]] = {}

    def start(self, name: str, params: Mapping[str, Any], tags: Mapping[str, Any], datasets: Iterable[Any]) -> str:
        self._metrics[tags["run"]] = {}
        return tags["run"]

    def log(self, run_id: str, metrics: Mapping[str, float], step: int) -> None:
        for name, value in metrics.items():
            self._metrics[run_id].setdefault(name, {})[step] = float(value)

    def finish(
        self,
        run_id: str,
        state: str,
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
        status: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.log(run_id, metrics, step=0)
        self.lost.pop(run_id, None)
        self._ended(run_id, Kept(state, self._metrics[run_id], files, tags or {}))

    def close(self, run_id: str, state: str, status: str, tags: Mapping[str, str] | None = None) -> None:
        self.lost[run_id] = Kept(state, {}, {}, tags or {})
