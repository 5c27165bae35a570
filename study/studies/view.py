"""Progress of a running study: a live panel in a terminal, one line per trial elsewhere."""

import math
import os
import sys
import time
from typing import Any, NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hyperstudy.study.comparisons.arms import short
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.text import line, printable
from hyperstudy.study.outputs.names import COMPLETE, FINISHED
from hyperstudy.study.outputs.objective import ACCURACY, Objective

REDRAWS_PER_SECOND = 4
WIDE = 200  # characters
PATIENCE_SECONDS = 5  # before a study says for what it waits


class Current(NamedTuple):
    """The trial that a worker is training."""

    name: str
    config: AnyConfig
    epoch: Epoch | None
    started: float  # on the monotonic clock
    seconds: float = 0.0  # of training, once it has ended
    host: str = ""  # empty for this machine


class View:
    """One line per finished trial, for logs and pipes."""

    def __init__(self, console: Console, shown: tuple[str, ...], objective: Objective = ACCURACY) -> None:
        """`shown` names the hyperparameters that tell one trial from another."""
        self.console, self.shown, self.objective = console, shown, objective
        self.current: dict[int, Current] = {}
        self.best: tuple[float, str] | None = None
        self.total = self.done = 0
        self.waits_since: float | None = None  # on the monotonic clock; infinite once it is said

    def __enter__(self) -> "View":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def begin(self, title: str, total: int, done: int, workers: int) -> None:
        """A phase of `total` trials, of which `done` are finished."""
        self.title, self.total, self.done, self.workers = title, total, done, workers
        self.began, self.done_at_start = time.monotonic(), done
        going_on = f", {done} of them finished before" if done else ""
        self.note(f"{title}: {total} trials{going_on}, {workers} worker{'s' if workers > 1 else ''}")

    def waiting(self) -> None:
        """No worker is there yet, which is said after a while, once until a trial starts."""
        now = time.monotonic()
        self.waits_since = now if self.waits_since is None else self.waits_since
        if now - self.waits_since > PATIENCE_SECONDS:
            self.note("waiting until a worker is ready")
            self.waits_since = math.inf

    def started(self, worker: int, name: str, config: AnyConfig, host: str = "") -> None:
        self.waits_since = None
        self.current[worker] = Current(name, config, None, time.monotonic(), host=host)

    def epoch(self, worker: int, epoch: Epoch) -> None:
        self.current[worker] = self.current[worker]._replace(epoch=epoch)

    def ended(self, worker: int) -> Current:
        """The trial that a worker has just ended. Its result is shown by `finished`, once it is recorded."""
        trial = self.current.pop(worker)
        return trial._replace(seconds=time.monotonic() - trial.started)

    def finished(self, trial: Current, state: str, value: float | None) -> None:
        self.done += state in FINISHED
        own = self.objective.own  # larger is better
        if state == COMPLETE and value is not None and (self.best is None or own(value) > own(self.best[0])):
            self.best = value, f"{trial.name} · {self.describe(trial.config)}"
        self.line(trial, state, value)

    def line(self, trial: Current, state: str, value: float | None) -> None:
        told = "" if value is None else f" {self.objective.key} {self.objective.size(value)}"
        best = f" (best {self.objective.size(self.best[0])})" if self.best else ""
        head = f"[{self.done}/{self.total}] {trial.name} {state}{told}{best}"
        self.note(f"{head} {self.describe(trial.config)} {trial.seconds:.1f} s{self.left()}")

    def note(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    def refresh(self) -> None:
        """Draw what has changed; called about once a second."""

    def describe(self, config: AnyConfig) -> str:
        values = ((name, getattr(config, name)) for name in self.shown)
        return line(" ".join(f"{name}={short(value)}" for name, value in values))

    def left(self) -> str:
        """The estimated time left in this phase; empty before its first trial has ended."""
        here = self.done - self.done_at_start
        if not here or self.done >= self.total:
            return ""
        minutes, seconds = divmod(round((time.monotonic() - self.began) / here * (self.total - self.done)), 60)
        return f", {minutes}:{seconds:02} left"


class PlainConsole(Console):
    """A console that shows text as it is: no markup in it, and nothing that a terminal would obey."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


def make_console() -> Console:
    """A console; wide in a file or a pipe, so that tables are not cut, and where $COLUMNS leaves no column."""
    columns = os.environ.get("COLUMNS", "")
    none = columns.isdecimal() and int(columns) == 0
    return PlainConsole(width=WIDE if none or not (columns or sys.stdout.isatty()) else None)


class LiveView(View):
    """A panel that is redrawn in place: progress, the best so far, and every worker's trial."""

    def __enter__(self) -> "LiveView":
        self._live = Live(console=self.console, refresh_per_second=REDRAWS_PER_SECOND, get_renderable=self.render)
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.current.clear()
        self._live.stop()

    def line(self, trial: Current, state: str, value: float | None) -> None:
        """Nothing: the panel shows it."""

    def refresh(self) -> None:
        self._live.refresh()

    def begin(self, title: str, total: int, done: int, workers: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
        )
        self._bar.add_task(title, total=total, completed=done)
        super().begin(title, total, done, workers)  # from here on another thread may draw

    def render(self) -> Group:
        if not self.total:
            return Group()
        self._bar.update(self._bar.task_ids[0], description=self.title + self.left(), completed=self.done)
        best = Text("no trial is complete yet", style="dim")
        if self.best:
            value, place = self.best
            best = Text.assemble(
                "best ", (self.objective.size(value), "bold green"), f" {self.objective.key} · {place}"
            )
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for worker, trial in sorted(self.current.items()):
            known = trial.config.hyperparameters().get("epochs")
            epoch = f"epoch {trial.epoch.number if trial.epoch else 0}" + (f"/{known}" if known else "")
            last = trial.epoch.metrics.get(self.objective.key) if trial.epoch else None
            shown = "" if last is None else self.objective.size(last)
            place = f"worker {worker + 1}" + (f" on {trial.host}" if trial.host else "")
            table.add_row(place, trial.name, epoch, shown, self.describe(trial.config))
        return Group(self._bar, best, table)


def make_view(console: Console, shown: tuple[str, ...], objective: Objective = ACCURACY) -> View:
    """The live panel in a terminal that can redraw, plain lines elsewhere."""
    return (LiveView if console.is_terminal and not console.is_dumb_terminal else View)(console, shown, objective)
