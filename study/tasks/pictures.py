"""The task of training a model of `MODELS` on a data set of `DATASETS`."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Part, Splits, digest_of, load_splits, load_test
from hyperstudy.study.core.epoch import Epoch
from hyperstudy.study.core.errors import not_one_of
from hyperstudy.study.core.metrics import METRICS, guessed, measured
from hyperstudy.study.core.params import AnyConfig
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.core.train import build, predict, train
from hyperstudy.study.outputs import files
from hyperstudy.study.outputs.environment import hardware
from hyperstudy.study.outputs.names import ANSWERS
from hyperstudy.study.outputs.objective import ACCURACY, Objective
from hyperstudy.study.tasks.amounts import amounts
from hyperstudy.study.tasks.rehearsal import rehearse
from hyperstudy.study.tasks.task import Input, Left


@dataclass(frozen=True)
class PicturesTask:
    """A data set by its name, and its pictures."""

    dataset: str
    splits: Splits

    def objective(self, name: str | None) -> Objective:
        return picture_objective(name)

    def guess(self, objective: Objective) -> float | None:
        return guessed(objective.key.removeprefix("val/"), self.splits.val.labels, len(self.splits.classes))

    def rehearse(self, plan: Plan) -> None:
        rehearse(plan, self.splits)

    def tested(self, plan: Plan, data_dir: Path) -> "PicturesTask":
        test = load_test(self.dataset, data_dir, plan.largest_side).with_channels(self.splits.shape[0])
        test = test.resized(plan.base.image_size) if plan.same_pictures else test
        return replace(self, splits=self.splits._replace(test=test))

    def inputs(self) -> list[Input]:
        splits = self.splits
        counts = {"training": len(splits.train.labels), "validation": len(splits.val.labels)}
        found = [Input(self.dataset, splits.digest, "training", counts)]
        if splits.test is not None:
            digest, counts = digest_of(*splits.test, splits.classes), {"testing": len(splits.test.labels)}
            found.append(Input(f"{self.dataset} (test)", digest, "testing", counts))
        return found

    def settings(self) -> dict[str, str]:
        return {"dataset": self.dataset.partition(":")[0], "data digest": self.splits.digest}

    def tags(self, plan: Plan) -> dict[str, str]:
        return {
            "study.dataset": self.dataset,
            "study.model": plan.base.model,
            "study.training_pictures": str(len(self.splits.train.labels)),
            "study.validation_pictures": str(len(self.splits.val.labels)),
        }

    def about(self) -> str:
        splits = self.splits
        return (
            f"Data digest `{splits.digest}`, {len(splits.train.labels)} training and {len(splits.val.labels)} "
            f"validation pictures of {'x'.join(map(str, splits.shape))}."
        )

    def amounts(self) -> list[str]:
        return amounts(self.dataset, self.splits)

    def example(self) -> Part:
        return Part(next(iter(self.splits.val.images.split(2))), self.splits.val.labels[:2])

    def to(self, device: torch.device) -> "PicturesTask":
        return replace(self, splits=self.splits.to(device))

    def trial(self, config: AnyConfig) -> "PicturesTrial":
        assert isinstance(config, Config)
        return PicturesTrial(config, self.splits)

    def hardware(self) -> str:
        return hardware(self.splits.mean.device)


class PicturesTrial:
    """A model that is trained on pictures."""

    def __init__(self, config: Config, splits: Splits) -> None:
        self.config, self.splits = config, splits
        self.model = build(config, splits.shape, len(splits.classes))

    def epochs(self) -> Generator[Epoch, None, None]:
        yield from train(self.config, self.splits, self.model)

    def left(self, history: Sequence[Epoch], state: str) -> Left:
        made = files.of_trial(self.config, history) | files.of_model(self.config, self.splits, self.model)
        metrics = {"parameters": float(sum(parameter.numel() for parameter in self.model.parameters()))}
        if self.splits.test is not None:
            tested, drawn = self._meet_test(self.splits.test, history)
            metrics, made = metrics | tested, made | drawn
        return Left(metrics, made)

    def _meet_test(self, test: Part, history: Sequence[Epoch]) -> tuple[dict[str, float], dict[str, bytes]]:
        """Test metrics of the trained model, and its answers, confusion matrix, mistakes and learning curves."""
        from hyperstudy.study.outputs import pictures  # only confirmation draws; matplotlib takes 0.5 s to import

        splits = self.splits
        part = test.framed(self.config.image_size, self.config.border)
        logits = predict(self.config, splits, self.model, part.images)
        counts = np.zeros((len(splits.classes),) * 2, dtype=np.int64)
        true, predicted = part.labels.cpu().numpy(), logits.argmax(1).cpu().numpy()
        np.add.at(counts, (true, predicted), 1)
        made = {
            ANSWERS: files.answers(true, predicted),
            "confusion_matrix.csv": files.confusion(counts, splits.classes),
            "mistakes.npz": files.mistakes(logits, part),
            "confusion_matrix.png": pictures.confusion_matrix(counts, splits.classes),
            "learning_curves.png": pictures.learning_curves(history),
        }
        return {f"test/{name}": value for name, value in measured(logits, part.labels).items()}, made


def read_pictures(plan: Plan, data_dir: Path) -> PicturesTask:
    """Training and validation pictures, at the size at which the plan's trials need them."""
    splits = load_splits(plan.base.dataset, data_dir, plan.largest_side)
    return PicturesTask(plan.base.dataset, splits.framed(plan.base.image_size, 0) if plan.same_pictures else splits)


def picture_objective(name: str | None) -> Objective:
    """The metric of that name as an objective, by default accuracy; raises `InputError`."""
    name = name or "accuracy"
    if name not in METRICS:
        raise not_one_of("objective", name, METRICS)
    if name == "accuracy":
        return ACCURACY
    row = METRICS[name]
    return Objective(
        f"validation {name.replace('-', ' ')}",
        row.maximize,
        row.unit,
        key=f"val/{name}",
        test_key=f"test/{name}",
        least=row.least,
        most=row.most,
    )
