"""From a plan to its task."""

from pathlib import Path

from hyperstudy.study.core.loops import LoopConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.tasks.loop import LoopTask
from hyperstudy.study.tasks.pictures import read_pictures
from hyperstudy.study.tasks.task import Task


def open_task(plan: Plan, data_dir: Path) -> Task:
    """The plan's task, with the data by which its trials are chosen; raises `InputError`."""
    return LoopTask(plan.base.loop) if isinstance(plan.base, LoopConfig) else read_pictures(plan, data_dir)
