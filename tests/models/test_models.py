import pytest
import torch
from torch import nn
from torch.nn import functional

from hyperstudy.models import ACTIVATIONS, MODELS
from hyperstudy.study.core.config import Config
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.train import build
from tests.conftest import small

GREY = (1, 8, 8)
SHAPES = [GREY, (1, 12, 12), (1, 28, 28), (3, 32, 32), (3, 33, 33), (3, 24, 40), (1, 64, 37)]


def every_build():
    """Each model at each shape of pictures, its smallest one too, and each depth that it takes."""
    for model, family in MODELS.items():
        smallest = max(2, family.smallest_side)
        for shape in dict.fromkeys([*SHAPES, (1, smallest, smallest), (3, smallest, 2 * smallest)]):
            for depth in family.depths or (None,):
                if min(shape[1:]) >= smallest:
                    yield pytest.param(model, shape, depth, id=f"{model}-{'x'.join(map(str, shape))}-depth{depth}")


@pytest.mark.parametrize(("model", "shape", "depth"), list(every_build()))
def test_a_model_gives_logits_per_class_and_finite_gradients(model, shape, depth):
    network = build(Config(**small(model), image_size=min(shape[1:]), depth=depth), shape, 7)
    logits = network(torch.rand(5, *shape))
    assert logits.shape == (5, 7)
    functional.cross_entropy(logits, torch.arange(5)).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_can_learn_one_batch_by_heart(model):
    side = max(12, MODELS[model].smallest_side)
    network = build(Config(**small(model), image_size=side, seed=1), GREY, 4)
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(16, 1, side, side, generator=generator), torch.arange(16) % 4
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(150 if model != "vgg-two-branch" else 60):
        optimizer.zero_grad()
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    assert (network(images).argmax(1) == labels).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_stands_between_the_layers(activation):
    for model in ("mlp", "lenet", "cnn"):
        network = build(Config(model=model, image_size=12, activation=activation), GREY, 10)
        assert sum(isinstance(module, ACTIVATIONS[activation]) for module in network) >= 2


def test_lenet_has_the_published_number_of_parameters():
    """61,706: 156 + 2,416 + 48,120 + 10,164 + 850, as LeNet-5 is counted with full connections from S2 to C3."""
    network = build(Config(model="lenet", image_size=28), GREY, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 61_706


def test_softmax_regression_is_one_linear_layer():
    network = build(Config(model="softmax"), GREY, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == 8 * 8 * 10 + 10


@pytest.mark.parametrize("model", ["mlp", "lenet", "cnn"])
def test_width_multiplies_the_units(model):
    def parameters(width):
        return sum(p.numel() for p in build(Config(model=model, image_size=12, width=width), GREY, 10).parameters())

    assert parameters(0.5) < parameters(1.0) < parameters(2.0)


def test_the_smallest_side_of_lenet_is_where_its_maps_vanish():
    build(Config(model="lenet", image_size=12), GREY, 10)(torch.rand(2, 1, 12, 12))
    with pytest.raises(InputError, match="at least 12 pixels"):
        Config(model="lenet", image_size=11)


def parameters_of(model, shape, classes, **hyperparameters):
    with torch.device("meta"):
        network = MODELS[model].build(shape, classes, activation="relu", width=1.0, **hyperparameters)
    return sum(parameter.numel() for parameter in network.parameters())


def test_alexnet_and_vgg_have_as_many_parameters_as_torchvision_s():
    from torchvision import models

    def of(make):
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in make().parameters())

    assert parameters_of("alexnet", (3, 224, 224), 1000, dropout=0.5) == of(models.alexnet)
    published = {11: models.vgg11_bn, 13: models.vgg13_bn, 16: models.vgg16_bn, 19: models.vgg19_bn}
    for depth, theirs in published.items():
        assert parameters_of("vgg", (3, 224, 224), 1000, depth=depth, dropout=0.5) == of(theirs)


def test_resnets_have_the_paper_s_numbers_of_parameters():
    """He et al. 2016, table 6, in millions."""
    for depth, millions in ((20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)):
        assert round(parameters_of("resnet", (3, 32, 32), 10, depth=depth) / 1e6, 2) == millions


def test_the_second_branch_adds_a_stack_and_its_part_of_the_classifier():
    one, two = (parameters_of(name, (1, 28, 28), 10, depth=11, dropout=0.0) for name in ("vgg", "vgg-two-branch"))
    with torch.device("meta"):
        network = MODELS["vgg"].build((1, 28, 28), 10, depth=11, activation="relu", width=1.0, dropout=0.0)
    stack = sum(
        p.numel() for layer in network if isinstance(layer, nn.Conv2d | nn.BatchNorm2d) for p in layer.parameters()
    )
    assert two - one == stack + 512 * 4096


def test_the_tutorials_layouts():
    """784-128-256-128-64-10; and 6 maps of 3x3, 16 of 5x5, then 400-120-84-10 with nothing between."""
    assert parameters_of("mlp-diamond", (1, 28, 28), 10, dropout=0.0) == (
        785 * 128 + 129 * 256 + 257 * 128 + 129 * 64 + 65 * 10
    )
    network = build(Config(model="lenet-linear", dataset="mnist"), GREY, 10)
    assert [type(layer) for layer in network[-4:]] == [nn.Flatten, nn.Linear, nn.Linear, nn.Linear]
    assert parameters_of("lenet-linear", (1, 28, 28), 10) == 10 * 6 + 151 * 16 + 401 * 120 + 121 * 84 + 85 * 10


def test_weights_start_as_the_initialisation_says():
    def first_layer(name):
        network = build(Config(model="mlp", dataset="mnist", width=4.0, initialisation=name), GREY, 10)
        return network[1].weight, network[1].bias

    for name, deviation in (("normal", 0.01), ("xavier", (2 / (784 + 512)) ** 0.5), ("he", (2 / 784) ** 0.5)):
        weight, bias = first_layer(name)
        assert weight.std().item() == pytest.approx(deviation, rel=0.02)
        assert not bias.any()
    assert first_layer("torch")[1].any()


WIDTHS = [round(0.05 * step, 2) for step in range(1, 41)]


@pytest.mark.parametrize("model", ["lenet", "lenet-linear"])
@pytest.mark.parametrize("width", WIDTHS)
def test_lenet_has_any_width(model, width):
    """Forwards and backwards, at the smallest side and at MNIST's, with as many maps as the width says."""
    for side in (12, 28):
        network = build(Config(model=model, image_size=side, width=width), GREY, 10)
        maps = [layer.out_channels for layer in network if isinstance(layer, nn.Conv2d)]
        assert maps == [max(1, round(6 * width)), max(1, round(16 * width))]
        functional.cross_entropy(network(torch.rand(3, 1, side, side)), torch.arange(3)).backward()
        assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_lenet_is_the_textbook_s(activation):
    """The layers written out with torch alone, with the same weights: the same outputs and gradients."""
    network = build(Config(model="lenet", image_size=28, activation=activation), GREY, 10)
    function = ACTIVATIONS[activation]
    plain = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), function(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), function(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), function(), nn.Linear(120, 84), function(), nn.Linear(84, 10)),
    )
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        theirs.data.copy_(ours.data)
    images, labels = torch.rand(5, 1, 28, 28), torch.arange(5)
    assert torch.allclose(network(images), plain(images), atol=1e-6)
    found, expected = (
        torch.autograd.grad(functional.cross_entropy(model(images), labels), list(model.parameters()))
        for model in (network, plain)
    )
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found, expected, strict=True))
