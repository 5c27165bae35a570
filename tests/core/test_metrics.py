import math

import pytest
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

from hyperstudy.study.core.metrics import METRICS, guessed, measured


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("seed", range(20))
def test_every_metric_is_that_of_scikit_learn(seed):
    """Few pictures of many classes, so that some classes have none, or are never answered."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(25, 8, generator=generator)
    labels = torch.randint(0, 6, (25,), generator=generator)
    found, true, said = measured(logits, labels), labels.numpy(), logits.argmax(1).numpy()
    probabilities = logits.double().softmax(1).numpy()
    assert found["accuracy"] == pytest.approx(accuracy_score(true, said))
    assert found["loss"] == pytest.approx(log_loss(true, probabilities, labels=range(8)), rel=1e-5)
    assert found["macro-f1"] == pytest.approx(f1_score(true, said, average="macro", zero_division=0))
    assert found["balanced-accuracy"] == pytest.approx(balanced_accuracy_score(true, said))


def test_no_metric_is_a_number_where_logits_are_none():
    found = measured(torch.tensor([[math.nan, 0.0]]), torch.tensor([0]))
    assert list(found) == list(METRICS)
    assert all(math.isnan(value) for value in found.values())


def test_guessing_answers_with_the_most_common_class_and_its_loss_is_the_entropy():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    assert guessed("accuracy", labels, 4) == pytest.approx(0.6)
    assert guessed("balanced-accuracy", labels, 4) == pytest.approx(1 / 3)
    assert guessed("loss", labels, 4) == pytest.approx(-sum(p * math.log(p) for p in (0.6, 0.3, 0.1)), rel=1e-5)
