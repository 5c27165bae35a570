import math
from itertools import pairwise

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from hyperstudy.models import MODELS
from hyperstudy.study.core.augmentations import AUGMENTATIONS
from hyperstudy.study.core.config import PRECISIONS, Config
from hyperstudy.study.core.data.splits import Part
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.losses import LOSSES
from hyperstudy.study.core.metrics import measured
from hyperstudy.study.core.optimizers import OPTIMIZERS
from hyperstudy.study.core.schedules import SCHEDULES, lr_factor
from hyperstudy.study.core.train import build, device, devices, evaluation_batch, predict, train
from tests.conftest import small


def run(digits, **fields):
    return list(train(Config(**{"model": "mlp", "epochs": 3, **fields}), digits))


def test_an_epoch_record_holds_what_happened(digits):
    history = run(digits, lr=3e-3, batch_size=64)
    steps = math.ceil(len(digits.train.labels) / 64)
    assert [epoch.number for epoch in history] == [1, 2, 3]
    assert [epoch.metrics["train/steps"] for epoch in history] == [steps, 2 * steps, 3 * steps]
    assert history[-1].metrics["train/loss"] < history[0].metrics["train/loss"] < math.log(10) + 0.5
    assert history[-1].metrics["val/accuracy"] > 0.8
    assert all(
        epoch.metrics["train/lr"] == 3e-3
        and epoch.metrics["train/grad_norm"] > 0
        and epoch.metrics["time/images_per_second"] > 0
        for epoch in history
    )
    assert all(epoch.diverged_at is None for epoch in history)


@pytest.mark.parametrize("model", ["softmax", "mlp", "cnn"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss_of_every_model(digits, model, optimizer):
    lr = 0.05 if optimizer == "sgd" else 2e-3
    history = run(digits, model=model, optimizer=optimizer, lr=lr)
    assert history[-1].metrics["train/loss"] < 0.8 * history[0].metrics["train/loss"]


def test_one_step_is_the_step_that_the_formula_gives(digits):
    """Softmax regression by SGD without momentum: w - lr * X'(p - y) / n, worked out without autograd."""
    whole = digits._replace(train=Part(digits.train.images[:100], digits.train.labels[:100]))
    config = Config(model="softmax", optimizer="sgd", momentum=0.0, lr=0.1, batch_size=100, epochs=1)
    model = build(config, digits.shape, 10)
    weight, bias = (parameter.detach().clone().double() for parameter in model.parameters())
    pixels = ((whole.train.images.double() - digits.mean) / digits.std).flatten(1)
    residual = (pixels @ weight.T + bias).softmax(1) - functional.one_hot(whole.train.labels, 10)
    list(train(config, whole, model))
    trained = dict(model.named_parameters())
    torch.testing.assert_close(
        trained["1.weight"].double(), weight - 0.1 * residual.T @ pixels / 100, atol=1e-6, rtol=0
    )
    torch.testing.assert_close(trained["1.bias"].double(), bias - 0.1 * residual.mean(0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_numbers_bit_for_bit(digits, model):
    few = digits._replace(train=Part(*(tensor[:200] for tensor in digits.train)))
    side = max(12, MODELS[model].smallest_side)

    def numbers(seed):
        history = run(few, **small(model), image_size=side, seed=seed, epochs=2, **dropout)
        return [
            (
                e.metrics["train/loss"],
                e.metrics["train/accuracy"],
                e.metrics["val/loss"],
                e.metrics["val/accuracy"],
                e.metrics["train/grad_norm"],
            )
            for e in history
        ]

    dropout = {"dropout": 0.2} if "dropout" in MODELS[model].hyperparameters else {}
    assert numbers(1) == numbers(1) != numbers(2)


def test_a_loss_that_is_not_finite_ends_the_trial_and_names_epoch_and_step(digits):
    """With lr * weight decay = 100 every step multiplies the weights by -99: float32 overflows about step 20."""
    history = run(digits, model="softmax", optimizer="sgd", lr=10.0, weight_decay=10.0, momentum=0.0, epochs=9)
    last = history[-1]
    assert [epoch.diverged_at is None for epoch in history] == [True] * (len(history) - 1) + [False]
    assert 10 < last.diverged_at < 30
    assert last.metrics["train/steps"] - 18 < last.diverged_at <= last.metrics["train/steps"]


def test_the_step_that_diverged_is_the_first_whose_loss_is_not_finite(digits):
    class Breaks(torch.nn.Module):
        """Gives NaN at the fifth training batch."""

        def __init__(self):
            super().__init__()
            self.linear, self.calls = torch.nn.Linear(64, 10), 0

        def forward(self, images):
            self.calls += self.training
            return self.linear(images.flatten(1)) * (math.nan if self.calls == 5 else 1.0)

    history = list(train(Config(model="softmax", batch_size=64), digits, Breaks()))
    assert [epoch.diverged_at for epoch in history] == [5]


def test_a_last_batch_of_one_picture_is_left_out(digits):
    few = digits._replace(train=Part(digits.train.images[:33], digits.train.labels[:33]))
    history = list(train(Config(model="cnn", depth=4, batch_size=16, epochs=1), few))
    assert history[-1].metrics["train/steps"] == 2


def test_pictures_are_resized_to_the_configured_size(digits):
    model = build(Config(model="softmax", image_size=12), digits.shape, 10)
    list(train(Config(model="softmax", image_size=12, epochs=1), digits, model))
    assert model[1].in_features == 144


def test_bf16_learns_about_as_well_as_float32(digits):
    accuracies = [
        run(digits, precision=precision, epochs=6)[-1].metrics["val/accuracy"] for precision in ("float32", "bf16")
    ]
    assert abs(accuracies[0] - accuracies[1]) < 0.05


@pytest.mark.parametrize(("size", "batch"), [((8, 8), 1024), ((32, 32), 1024), ((64, 64), 256), ((2000, 900), 1)])
def test_larger_pictures_are_evaluated_in_smaller_batches(size, batch):
    assert evaluation_batch((5000, 3, *size)) == batch


def test_prediction_does_not_change_the_model_or_its_mode(digits):
    config = Config(model="cnn", dropout=0.5)
    model = build(config, digits.shape, 10).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = predict(config, digits, model, digits.val.images)
    assert logits.shape == (len(digits.val.labels), 10)
    assert torch.equal(logits, predict(config, digits, model, digits.val.images))
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


class Dtypes(TorchFunctionMode):
    """Takes note of the types of all tensors that torch's functions return."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_function__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        self.seen.update(
            tensor.dtype for tensor in (made if isinstance(made, tuple) else (made,)) if torch.is_tensor(tensor)
        )
        return made


@pytest.mark.parametrize("precision", PRECISIONS)
def test_training_and_scoring_need_no_float64(digits, precision):
    """Apple's GPUs refuse tensors of that type."""
    few = digits._replace(train=Part(*(tensor[:200] for tensor in digits.train)))
    with Dtypes() as dtypes:
        run(few, epochs=1, precision=precision)
        measured(torch.randn(50, 3), torch.arange(50) % 3)
    assert torch.float32 in dtypes.seen
    assert torch.float64 not in dtypes.seen


def test_training_between_epochs_is_not_under_inference_mode(digits):
    for _ in train(Config(model="mlp", epochs=2, precision="bf16"), digits):
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")


def test_training_leaves_pictures_of_floats_as_they_are(digits):
    train_part, val = (part._replace(images=part.images.float() / 255) for part in (digits.train, digits.val))
    before = [part.images.clone() for part in (train_part, val)]
    run(digits._replace(train=train_part, val=val), epochs=1)
    assert all(torch.equal(part.images, was) for part, was in zip((train_part, val), before, strict=True))


def test_a_device_that_is_not_here_is_refused():
    assert device("auto").type in devices()
    assert device("cpu").type == "cpu"
    absent = [name for name, here in devices().items() if not here] + ["tpu"]
    for name in absent:
        with pytest.raises(InputError, match=f"device must be .* got '{name}'"):
            device(name)


@pytest.mark.parametrize(("last_batch", "steps"), [("keep", 4), ("drop", 3)])
def test_a_last_batch_that_is_not_full_is_kept_or_dropped(digits, last_batch, steps):
    few = digits._replace(train=Part(*(tensor[:200] for tensor in digits.train)))
    (epoch,) = run(few, batch_size=64, last_batch=last_batch, epochs=1)
    assert epoch.metrics["train/steps"] == steps


def test_a_batch_larger_than_the_data_is_not_dropped(digits):
    few = digits._replace(train=Part(*(tensor[:50] for tensor in digits.train)))
    (epoch,) = run(few, batch_size=64, last_batch="drop", epochs=1)
    assert epoch.metrics["train/steps"] == 1


def test_a_trial_sees_the_pictures_as_its_configuration_frames_and_scales_them(digits):
    seen = []
    config = Config(model="softmax", epochs=1, border=2, image_size=12, scaling="unit")
    model = build(config, digits.shape, 10)
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    list(train(config, digits, model))
    assert all(batch.shape[1:] == (1, 12, 12) for batch in seen)
    assert min(batch.min() for batch in seen) == 0
    assert 0.9 < max(batch.max() for batch in seen) <= 1
    assert all((batch[:, :, 0] == 0).all() for batch in seen)


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
