import pytest
import torch
from torch.nn import functional

from models import ACTIVATIONS, MODELS
from study.config import Config
from study.errors import InputError
from study.train import build

SIDES_AND_CHANNELS = [(8, 1), (12, 1), (28, 1), (32, 3), (33, 3)]


def every_build():
    """Each model at each picture size and each depth that it takes."""
    for model, family in MODELS.items():
        for side, channels in SIDES_AND_CHANNELS:
            for depth in family.depths or (None,):
                if side >= family.smallest_side:
                    yield pytest.param(model, side, channels, depth, id=f"{model}-{channels}x{side}-depth{depth}")


@pytest.mark.parametrize(("model", "side", "channels", "depth"), every_build())
def test_a_model_gives_logits_per_class_and_finite_gradients(model, side, channels, depth):
    network = build(Config(model=model, image_size=side, depth=depth), channels, 7)
    logits = network(torch.rand(5, channels, side, side))
    assert logits.shape == (5, 7)
    functional.cross_entropy(logits, torch.arange(5)).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_can_learn_one_batch_by_heart(model):
    config = Config(model=model, image_size=12, seed=1)
    network = build(config, 1, 4)
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(16, 1, 12, 12, generator=generator), torch.arange(16) % 4
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    assert (network(images).argmax(1) == labels).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_stands_between_the_layers(activation):
    for model in ("mlp", "lenet", "cnn"):
        network = build(Config(model=model, image_size=12, activation=activation), 1, 10)
        assert sum(isinstance(module, ACTIVATIONS[activation]) for module in network) >= 2


def test_lenet_has_the_published_number_of_parameters():
    """61,706: 156 + 2,416 + 48,120 + 10,164 + 850, as LeNet-5 is counted with full connections from S2 to C3."""
    network = build(Config(model="lenet", image_size=28), 1, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 61_706


def test_softmax_regression_is_one_linear_layer():
    network = build(Config(model="softmax"), 1, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 8 * 8 * 10 + 10


@pytest.mark.parametrize("model", ["mlp", "lenet", "cnn"])
def test_width_multiplies_the_units(model):
    def parameters(width):
        return sum(p.numel() for p in build(Config(model=model, image_size=12, width=width), 1, 10).parameters())

    assert parameters(0.5) < parameters(1.0) < parameters(2.0)


def test_the_smallest_side_of_lenet_is_where_its_maps_vanish():
    build(Config(model="lenet", image_size=12), 1, 10)(torch.rand(2, 1, 12, 12))
    with pytest.raises(InputError, match="at least 12 pixels"):
        Config(model="lenet", image_size=11)
