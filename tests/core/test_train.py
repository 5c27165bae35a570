"""The training core: one trial, from its configuration to its epochs."""

import math

import pytest
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from hyperstudy.models import MODELS
from hyperstudy.study.core.config import PRECISIONS, Config
from hyperstudy.study.core.data.splits import Part
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.metrics import measured
from hyperstudy.study.core.optimizers import OPTIMIZERS
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
