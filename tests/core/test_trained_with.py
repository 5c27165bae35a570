"""What a trial may train with: schedules, warm-up, clipping, losses, weights of classes, augmentation."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Part
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.schedules import SCHEDULES, lr_factor
from hyperstudy.study.core.train import build, predict, train


def run(digits, **fields):
    return list(train(Config(**{"model": "mlp", "epochs": 3, **fields}), digits))


def few(digits, count):
    return digits._replace(train=digits.train.first(count))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_by_default_a_step_is_the_plain_one_bit_for_bit(digits, optimizer):
    """A loop that knows no schedule, warm-up, clipping, loss, smoothing, class weights or augmentation."""
    config = Config(model="mlp", optimizer=optimizer, epochs=2, batch_size=50)
    model, plain = build(config, (1, 8, 8), 10), build(config, (1, 8, 8), 10)
    history = list(train(config, digits, model))
    generator = torch.Generator().manual_seed(config.seed)
    steps = OPTIMIZERS[optimizer](plain.parameters(), config.lr, config.momentum, config.weight_decay)
    for _ in range(config.epochs):
        for rows in torch.randperm(len(digits.train.labels), generator=generator).split(50):
            steps.zero_grad()
            pixels = (digits.train.images[rows].float() - digits.mean) / digits.std
            functional.cross_entropy(plain(pixels), digits.train.labels[rows]).backward()
            steps.step()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True))
    assert [epoch.metrics["train/lr"] for epoch in history] == [config.lr] * 2


@pytest.mark.parametrize(
    "fields",
    [
        *({"schedule": name, "lr": 3e-3} for name in SCHEDULES),
        *({"augmentation": name} for name in AUGMENTATIONS),
        *({"loss": name} for name in LOSSES),
        {"warmup": 0.3},
        {"clip": 0.5},
        {"label_smoothing": 0.2},
        {"class_weights": "balanced"},
    ],
    ids=str,
)
def test_whatever_a_trial_trains_with_it_learns_and_repeats_itself(digits, fields):
    first, again = (run(digits, batch_size=32, **fields) for _ in range(2))
    assert first[-1].metrics["train/loss"] < 0.8 * first[0].metrics["train/loss"]
    assert first[-1].metrics["val/accuracy"] > 0.6
    assert [epoch.metrics["train/loss"] for epoch in first] == [epoch.metrics["train/loss"] for epoch in again]


@pytest.mark.parametrize(("schedule", "warmup"), [("cosine", 0.0), ("one-cycle", 0.0), ("constant", 0.3)])
def test_every_step_has_the_lr_of_its_share_of_the_training(digits, schedule, warmup):
    """Six steps by SGD: the change of a weight is the gradient times the step's lr."""
    config = Config(
        **{"model": "softmax", "optimizer": "sgd", "momentum": 0.0, "lr": 0.1, "batch_size": 100, "epochs": 2},
        **{"schedule": schedule, "warmup": warmup},
    )
    model, seen = build(config, (1, 8, 8), 10), []
    weight = model[1].weight
    weight.register_hook(lambda gradient: seen.append((weight.detach().clone(), gradient.clone())))
    history = list(train(config, few(digits, 300), model))
    seen.append((weight.detach(), None))
    rates = [((old - new).norm() / gradient.norm()).item() for (old, gradient), (new, _) in pairwise(seen)]
    expected = [0.1 * lr_factor(schedule, warmup, step / 6) for step in range(6)]
    assert rates == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert [epoch.metrics["train/lr"] for epoch in history] == pytest.approx([expected[2], expected[5]])


def test_a_schedule_moves_all_groups_of_an_optimizer_by_the_same_factor(digits, monkeypatch):
    made = []

    def two_rates(parameters, lr, momentum, weight_decay):
        weight, bias = parameters
        made.append(torch.optim.SGD([{"params": [weight]}, {"params": [bias], "lr": 2 * lr}], lr))
        return made[0]

    monkeypatch.setitem(OPTIMIZERS, "sgd", two_rates)
    run(few(digits, 300), model="softmax", optimizer="sgd", lr=0.1, schedule="linear", batch_size=100, epochs=2)
    assert [group["lr"] for group in made[0].param_groups] == pytest.approx([0.1 / 6, 0.2 / 6])


def test_clipping_bounds_the_step_and_leaves_a_smaller_gradient_alone(digits):
    """A step of SGD without momentum is lr times the gradient."""

    def moved(clip):
        config = Config(model="softmax", optimizer="sgd", momentum=0.0, lr=1.0, batch_size=100, epochs=1, clip=clip)
        model = build(config, (1, 8, 8), 10)
        before = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        (epoch,) = train(config, few(digits, 100), model)
        return (torch.nn.utils.parameters_to_vector(model.parameters()).detach() - before).norm().item(), epoch

    free, epoch = moved(0.0)
    assert free == pytest.approx(epoch.metrics["train/grad_norm"], rel=1e-4)
    assert free > 0.2
    assert moved(0.1)[0] == pytest.approx(0.1, rel=1e-4)
    assert moved(0.1)[1].metrics["train/grad_norm"] == pytest.approx(0.1, rel=1e-4)
    assert moved(2 * free)[0] == free


@pytest.mark.parametrize(
    ("fields", "loss"),
    [
        (
            {"label_smoothing": 0.2},
            lambda logits, labels: functional.cross_entropy(logits, labels, label_smoothing=0.2),
        ),
        ({"loss": "focal"}, lambda logits, labels: LOSSES["focal"](logits, labels, None, 0.0)),
        (
            {"class_weights": "balanced"},
            lambda logits, labels: functional.cross_entropy(logits, labels, torch.tensor([40 / 60, 40 / 20])),
        ),
    ],
    ids=["smoothing", "focal", "balanced"],
)
def test_training_lowers_the_chosen_loss_and_validation_keeps_the_plain_one(digits, fields, loss):
    """Thirty pictures of one class, ten of another, in one batch."""
    rows = torch.cat([(digits.train.labels == label).nonzero()[:count, 0] for label, count in ((0, 30), (1, 10))])
    two = digits._replace(train=Part(digits.train.images[rows], digits.train.labels[rows]), classes=("0", "1"))
    two = two._replace(val=two.train)
    config = Config(model="softmax", batch_size=64, epochs=1, **fields)
    model = build(config, (1, 8, 8), 2)
    with torch.no_grad():
        expected = loss(predict(config, two, model, two.train.images), two.train.labels)
    (epoch,) = train(config, two, model)
    assert epoch.metrics["train/loss"] == pytest.approx(expected.item(), rel=1e-5)
    logits = predict(config, two, model, two.train.images)
    assert epoch.metrics["val/loss"] == pytest.approx(
        functional.cross_entropy(logits, two.train.labels).item(), rel=1e-6
    )


def test_balanced_weights_find_more_of_the_rare_class(digits):
    """Of a class that has a hundredth of the pictures, and that noise hides."""
    count, rare = 2000, torch.arange(2000) % 100 == 0
    images = torch.randint(0, 100, (count, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[rare, :, :2, :2] += 60
    hidden = Part(images, rare.long())
    found = digits._replace(train=hidden, val=hidden, classes=("usual", "rare"))
    recall = {}
    for weights in ("none", "balanced"):
        config = Config(model="softmax", class_weights=weights, lr=0.01, epochs=4)
        model = build(config, (1, 8, 8), 2)
        list(train(config, found, model))
        recall[weights] = (predict(config, found, model, images[rare]).argmax(1) == 1).float().mean()
    assert recall["balanced"] > recall["none"] + 0.3


def test_training_pictures_are_augmented_and_validation_pictures_are_not(digits):
    seen = {True: [], False: []}
    config = Config(model="softmax", epochs=2, augmentation="flip-crop", scaling="unit")
    model = build(config, (1, 8, 8), 10)
    model.register_forward_pre_hook(lambda module, inputs: seen[module.training].append(inputs[0].clone()))
    list(train(config, few(digits, 200), model))
    validated = torch.cat(seen[False]).mul(255).round().to(torch.uint8)
    assert torch.equal(validated, digits.val.images.repeat(2, 1, 1, 1))
    trained = torch.cat(seen[True]).mul(255).round().to(torch.uint8)
    known = {picture.numpy().tobytes() for picture in digits.train.images[:200]}
    unchanged = sum(picture.numpy().tobytes() in known for picture in trained)
    assert len(trained) == 400
    assert unchanged == pytest.approx(400 / 18, abs=20)  # one of 9 places, not mirrored
