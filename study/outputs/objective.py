"""What trials are judged by: its name, its direction, and how its values are written.

Frames hold it larger-is-better, whatever its direction: of a loss the negative. Everything that a reader sees is in
the objective's own values.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

TAG = "study.objective"  # the experiment tag that keeps it


class Objective(NamedTuple):
    """An objective. `accuracy` says that it is a share of right answers, for which guessing has a known value.

    `key` is the metric of each epoch whose last value it is, `test_key` the same on data by which nothing was chosen;
    both are empty for trials that others ran, `test_key` also where there are no such data. `least` and `most` are the
    values that it can have at all; None: any.
    """

    name: str
    maximize: bool
    unit: str = ""
    accuracy: bool = False
    key: str = ""
    test_key: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest value of a frame."""
        low, high = (-math.inf if self.least is None else self.least, math.inf if self.most is None else self.most)
        return (low, high) if self.maximize else (-high, -low)

    @property
    def confirmed_key(self) -> str:
        """The metric of a run by which finalists are compared at last: without a test, the objective itself."""
        return self.test_key or "objective"

    @property
    def confirmed(self) -> "Objective":
        """The objective by which finalists are compared at last: the same on test data, where there are any."""
        return self._replace(name=f"test {self.bare}") if self.test_key else self

    @property
    def bare(self) -> str:
        """Its name without the data that it is measured on."""
        return self.name.removeprefix("validation ")

    @property
    def label(self) -> str:
        """Its name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def direction(self) -> str:
        return "higher is better" if self.maximize else "lower is better"

    @property
    def described(self) -> str:
        """Its name with its unit and its direction."""
        return f"{self.name} ({', '.join(filter(None, [self.unit, self.direction]))})"

    def own(self, values: Any) -> Any:
        """Values or differences as they are in the objective itself from those of a frame; and the other way round."""
        return values if self.maximize else 0.0 - values

    def value(self, internal: float) -> str:
        """A frame's value as text."""
        return self.size(self.own(internal))

    def measured(self, internal: float, low: float | None = None, high: float | None = None) -> str:
        """A frame's value with its unit, and with its interval where there is one."""
        return f"{self.sized(self.own(internal))} {self.interval(low, high)}".rstrip()

    def interval(self, low: float | None, high: float | None) -> str:
        """The interval of a frame's value; empty where there is none."""
        if low is None:
            return ""
        return "[{}, {}]".format(*map(self.size, sorted((self.own(low), self.own(high)))))

    def difference(self, internal: float) -> str:
        """A difference of a frame's values as text, with its sign in the objective: of a loss, -0.1 is a gain."""
        return self.signed(self.own(internal))

    def difference_interval(self, low: float | None, high: float | None) -> str:
        """The interval of such a difference; empty where there is none."""
        return "" if low is None else self.gain_interval(*sorted((self.own(low), self.own(high))))

    def gain_interval(self, low: float | None, high: float | None) -> str:
        """The interval of a gain, whose sign is that of a frame: above 0 is better; empty where there is none."""
        return "" if low is None or high is None else f"[{self.signed(low)}, {self.signed(high)}]"

    def signed(self, amount: float) -> str:
        """An amount with its sign."""
        return f"{'-' if amount < 0 else '+'}{self.size(abs(amount))}"

    def size(self, amount: float) -> str:
        """An amount without a direction as text: four decimals of an accuracy, otherwise four significant digits."""
        if self.accuracy:
            return f"{amount:.4f}"
        return f"{amount:,.0f}" if 1e4 <= abs(amount) < 1e7 else f"{amount:.4g}"

    def amount(self, internal: float) -> str:
        """How much better, as text: in points of an accuracy, otherwise in the objective's unit."""
        if self.accuracy:
            return f"{100 * internal:.1f} point{'' if f'{100 * internal:.1f}' == '1.0' else 's'}"
        return self.sized(internal)

    def amounts(self, low: float, high: float) -> str:
        """The interval of such an amount."""
        return f"[{100 * low:.1f}, {100 * high:.1f}]" if self.accuracy else f"[{self.size(low)}, {self.size(high)}]"

    def sized(self, amount: float) -> str:
        """An amount without a direction, with its unit."""
        return f"{self.size(amount)} {self.unit}".rstrip()

    def apart(self, internal: float) -> str:
        """A difference in words, to be followed by what it is a difference to."""
        if not internal:
            return "equal to"
        words = ("above", "below") if self.accuracy else ("better than", "worse than")
        return f"{self.sized(abs(internal))} {words[internal < 0]}"

    def words(self, text: str) -> str:
        """A text about validation and test accuracy as one about this objective."""
        if self.accuracy:
            return text
        own = "|".join(map(re.escape, (self.name, self.confirmed.name)))  # may itself hold the word, and stays
        return re.sub(rf"{own}|\b(validation |test |)(?:accuracy|accuracies)\b", self._word, text, flags=re.IGNORECASE)

    def _word(self, found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        name = (self.confirmed if found[1].lower() == "test " else self).name
        ours = self.name.startswith("validation ")  # other names stay as their user writes them
        return name[0].upper() + name[1:] if ours and found[0][0].isupper() else name


ACCURACY = Objective(
    "validation accuracy", True, accuracy=True, key="val/accuracy", test_key="test/accuracy", least=0.0, most=1.0
)


def objective_of(tags: Mapping[str, str]) -> Objective:
    """The objective that a study's tags keep; studies of earlier versions have accuracy."""
    return Objective(**json.loads(tags[TAG])) if TAG in tags else ACCURACY
