"""Training losses against torch's cross-entropy and the formulas, and class weights against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import CrossEntropyLoss

from hyperstudy.study.core.losses import LOSSES, class_weights

LABELS = torch.tensor([0, 0, 0, 1, 2, 2])
LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
WEIGHTS = torch.tensor([0.5, 2.0, 1.0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_torch_s_with_smoothing_and_weights(smoothing, weights):
    theirs = CrossEntropyLoss(weight=weights, label_smoothing=smoothing)(LOGITS, LABELS)
    assert LOSSES["cross-entropy"](LOGITS, LABELS, weights, smoothing).item() == theirs.item()


def test_a_smoothed_target_is_the_label_with_a_share_spread_over_all_classes():
    targets = np.full((6, 3), 0.3 / 3)
    targets[range(6), LABELS] += 0.7
    logs = LOGITS.double().log_softmax(1).numpy()
    expected = -(targets * logs).sum(1).mean()
    assert LOSSES["cross-entropy"](LOGITS, LABELS, None, 0.3).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_loss_is_its_formula(weights):
    """-a (1 - p)^2 log p, in the mean over the pictures."""
    chance = torch.softmax(LOGITS.double(), 1).numpy()[range(6), LABELS]
    alpha = np.ones(6) if weights is None else weights.numpy()[LABELS]
    expected = (-alpha * (1 - chance) ** 2 * np.log(chance)).mean()
    assert LOSSES["focal"](LOGITS, LABELS, weights, 0.0).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_has_a_finite_gradient_also_where_the_model_is_certain(name):
    logits = torch.tensor([[90.0, 0.0], [-90.0, 0.0]], requires_grad=True)
    LOSSES[name](logits, torch.tensor([0, 0]), None, 0.1).backward()
    assert logits.grad.isfinite().all()
    assert logits.grad[1].abs().sum() > 0.1


def test_balanced_weights_are_scikit_learn_s_with_mean_1_over_the_pictures():
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    weights = class_weights("balanced", LABELS, 3)
    assert weights.tolist() == pytest.approx(theirs.tolist())
    assert weights[LABELS].mean().item() == pytest.approx(1)
    assert class_weights("none", LABELS, 3) is None


def test_a_class_without_pictures_has_a_finite_weight():
    assert class_weights("balanced", LABELS, 4).isfinite().all()
