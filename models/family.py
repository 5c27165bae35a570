"""What a study must know about a model family."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn


class Family(NamedTuple):
    """A row of `MODELS`.

    `build(shape, classes, **hyperparameters)` returns a module that maps float pictures `(N, *shape)` with
    `shape = (C, H, W)` to logits `(N, classes)`. The names of its further parameters are the hyperparameters that
    the family has; a study neither searches nor records any other. `own` holds the rows (`Hyperparameter`) of those
    that no other family has, or that mean something else here.
    """

    build: Callable[..., nn.Module]
    depths: tuple[int, ...] = ()
    default_depth: int | None = None
    smallest_side: int = 1  # pixels
    own: Mapping[str, Any] = MappingProxyType({})

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.build).parameters)[2:]
