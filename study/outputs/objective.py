"""What trials are judged by: its name, its direction, and how its values are written.

Frames hold it larger-is-better, whatever its direction: of a loss the negative. Everything that a reader sees is in
the objective's own values.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

TAG = "study.objective"  # the experiment tag that keeps it


class Objective(NamedTuple):
    """An objective. `accuracy` says that it is a share of right answers, for which guessing has a known value.

    `key` is the metric of each epoch whose last value it is, `test_key` the same on data by which nothing was chosen;
    both are empty for trials that others ran, `test_key` also where there are no such data.
    """

    name: str
    maximize: bool
    unit: str = ""
    accuracy: bool = False
    key: str = ""
    test_key: str = ""

    @property
    def confirmed_key(self) -> str:
        """The metric of a run by which finalists are compared at last: without a test, the objective itself."""
        return self.test_key or "objective"

    @property
    def label(self) -> str:
        """Its name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def direction(self) -> str:
        return "higher is better" if self.maximize else "lower is better"

    def own(self, values: Any) -> Any:
        """Values or differences as they are in the objective itself from those of a frame; and the other way round."""
        return values if self.maximize else 0.0 - values

    def value(self, internal: float) -> str:
        """A frame's value as text."""
        return self.size(self.own(internal))

    def difference(self, internal: float) -> str:
        """A difference of a frame's values as text, with its sign in the objective: of a loss, -0.1 is a gain."""
        own = self.own(internal)
        return f"{'-' if own < 0 else '+'}{self.size(abs(own))}"

    def size(self, amount: float) -> str:
        """An amount without a direction as text: four decimals of an accuracy, otherwise four significant digits."""
        if self.accuracy:
            return f"{amount:.4f}"
        return f"{amount:,.0f}" if 1e4 <= abs(amount) < 1e7 else f"{amount:.4g}"

    def amount(self, internal: float) -> str:
        """How much better, as text: in points of an accuracy, otherwise in the objective's unit."""
        if self.accuracy:
            return f"{100 * internal:.1f} point{'' if f'{100 * internal:.1f}' == '1.0' else 's'}"
        return f"{self.size(internal)} {self.unit}".rstrip()

    def amounts(self, low: float, high: float) -> str:
        """The interval of such an amount."""
        return f"[{100 * low:.1f}, {100 * high:.1f}]" if self.accuracy else f"[{self.size(low)}, {self.size(high)}]"

    def words(self, text: str) -> str:
        """A text about accuracy as one about this objective."""
        if self.accuracy:
            return text
        return re.sub(r"\b(?:validation )?(?:accuracy|accuracies)\b", lambda _: self.name, text, flags=re.IGNORECASE)


ACCURACY = Objective("validation accuracy", True, accuracy=True, key="val/accuracy", test_key="test/accuracy")


def objective_of(tags: Mapping[str, str]) -> Objective:
    """The objective that a study's tags keep; studies of earlier versions have accuracy."""
    return Objective(**json.loads(tags[TAG])) if TAG in tags else ACCURACY
