"""How many pictures a study has, and whether they are few."""

import numpy as np

from hyperstudy.study.core.data.splits import Splits

STEP = 1.0  # points of accuracy that one validation picture may be before it is said
FEW = 10  # validation pictures of a class; below, its accuracy moves in steps of more than 10 points
UNEQUAL = 1.5  # times as many pictures in the largest class as in the smallest


def amounts(dataset: str, splits: Splits) -> list[str]:
    """A line with the numbers of pictures and classes; another if so few validate that accuracies move in steps."""
    train, val = (np.bincount(part.labels.cpu(), minlength=len(splits.classes)) for part in (splits.train, splits.val))
    counts = train + val
    line = f"{dataset}: {train.sum():,} training and {val.sum():,} validation pictures of {len(counts)} classes"
    if counts.max() > UNEQUAL * counts.min():
        least, most = int(counts.argmin()), int(counts.argmax())
        line += f", from {counts[least]:,} of {splits.classes[least]!r} to {counts[most]:,} of {splits.classes[most]!r}"
    lines = [f"{line}; test pictures are met in confirmation alone"]
    few = []
    if (step := 100 / val.sum()) > STEP:
        few.append(f"one validation picture is {step:.1f} points of accuracy")
    if val.min() < FEW:
        rare = int(val.argmin())
        few.append(f"class {splits.classes[rare]!r} has {train[rare]} to train and {val[rare]} to validate")
        few[-1] += f", each of them {100 / val[rare]:.0f} points of its own accuracy" if val[rare] else ""
    return [*lines, f"few pictures: {'; '.join(few)}"] if few else lines
