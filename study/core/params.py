"""From the parameters of a tracked run to its configuration."""

from collections.abc import Mapping

from hyperstudy.study.core.config import Config, rows_of
from hyperstudy.study.core.loops import LoopConfig, rows_of_loop

AnyConfig = Config | LoopConfig


def from_params(params: Mapping[str, str]) -> AnyConfig:
    """The configuration of a tracked run, whose parameters are text. A missing one has its default."""
    loop = params.get("loop")
    rows = rows_of(params["model"]) if loop is None else rows_of_loop(loop)
    chosen = {name: row.kind(params[name]) for name, row in rows.items() if name in params}
    return Config(params["dataset"], params["model"], **chosen) if loop is None else LoopConfig(loop, **chosen)
