"""Published recipes: configurations that five tutorials fix by hand, and the figures that they print. And one of ours.

What a tutorial leaves open is torch's default. Test figures stand beside ours on the same pictures, so nothing may be
chosen by them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from hyperstudy.study.core.config import Config

TRAIN_LOSS, TRAIN_ACCURACY, TEST_ACCURACY = "train/loss", "train/accuracy", "test/accuracy"


class Recipe(NamedTuple):
    """A recipe: a description, its data set (the first of several that is there), its hyperparameters, and the
    published figures by metric, one per epoch or only the last. `note` says what was found out about it."""

    about: str
    datasets: tuple[str, ...]
    values: Mapping[str, Any]
    published: Mapping[str, tuple[float, ...]]
    note: str = ""

    def config(self, dataset: str) -> Config:
        return Config(dataset=dataset, **self.values)


_CIFAR10 = ("cifar10", "cifar10-jpeg")
_CIFAR10_CNN = {
    **{"model": "cnn", "depth": 2, "kernel_size": 5, "optimizer": "adam"},
    **{"batch_size": 32, "border": 4, "scaling": "symmetric"},
}

RECIPES: dict[str, Recipe] = {
    "softmax-fashion": Recipe(
        "Softmax regression written from scratch, weights from N(0, 0.01), SGD",
        ("fashion-mnist",),
        {
            **{"model": "softmax", "initialisation": "normal", "scaling": "unit", "optimizer": "sgd"},
            **{"momentum": 0.0, "lr": 0.1, "batch_size": 256, "epochs": 5},
        },
        {
            TRAIN_LOSS: (0.7874, 0.5712, 0.5250, 0.5018, 0.4860),
            TRAIN_ACCURACY: (0.749, 0.812, 0.826, 0.833, 0.837),
            TEST_ACCURACY: (0.791, 0.813, 0.820, 0.824, 0.827),
        },
    ),
    "lenet-mnist": Recipe(
        "LeNet with Adam, the last partial batch dropped",
        ("mnist",),
        {
            **{"model": "lenet", "scaling": "unit", "last_batch": "drop", "optimizer": "adam"},
            **{"lr": 1e-3, "batch_size": 64, "epochs": 5},
        },
        {TEST_ACCURACY: (0.992,)},
    ),
    "mlp-sigmoid-mnist": Recipe(
        "Hidden layers of 128, 256, 128 and 64 sigmoid units, Adam",
        ("mnist",),
        {
            **{"model": "mlp-diamond", "activation": "sigmoid", "scaling": "unit", "optimizer": "adam"},
            **{"lr": 0.0045, "batch_size": 64, "epochs": 25},
        },
        {},
    ),
    "cnn-mnist-sgd": Recipe(
        "Two convolutions, and linear layers of 120 and 84 units with nothing between them, SGD",
        ("mnist",),
        {
            **{"model": "lenet-linear", "scaling": "unit", "optimizer": "sgd"},
            **{"momentum": 0.0, "lr": 0.01, "batch_size": 128, "epochs": 10},
        },
        {TEST_ACCURACY: (0.97,)},
    ),
    "cnn-cifar10": Recipe(
        "Two blocks of 5x5 convolution, batch norm, ReLU and pooling, Adam at 0.001",
        _CIFAR10,
        {**_CIFAR10_CNN, "lr": 1e-3, "epochs": 5},
        {TRAIN_ACCURACY: (0.68,), TEST_ACCURACY: (0.66,)},
    ),
    "cnn-cifar10-lr-0.1": Recipe(
        "The same with Adam at 0.1",
        _CIFAR10,
        {**_CIFAR10_CNN, "lr": 0.1, "epochs": 10},
        {TRAIN_ACCURACY: (0.39,), TEST_ACCURACY: (0.43,)},
        "Why, in one run looked at step by step: Adam's first step moves every weight by about lr, whatever its "
        "gradient. So the classifier's 2,048 weights per class, 0.011 in the mean, become 0.1, and the loss rises "
        "from 2.5 to 113. What lowers it fastest is the second norm's shift: after ten steps it is below -0.6 in "
        "every channel, after a hundred below -1.3. The ReLU behind it then passes nothing of any picture, the "
        "gradients of both convolutions are exactly zero from step 200 on, and only the biases still learn: one "
        "class for all. At lr 0.01 no channel dies.",
    ),
    "cnn-cifar10-one-cycle": Recipe(
        "No tutorial's: four blocks, AdamW in one cycle up to 0.004, pictures flipped and cropped, labels smoothed",
        _CIFAR10,
        {
            **{"model": "cnn", "depth": 4, "optimizer": "adamw", "weight_decay": 0.05, "lr": 4e-3, "batch_size": 128},
            **{"schedule": "one-cycle", "augmentation": "flip-crop", "label_smoothing": 0.1, "epochs": 20},
        },
        {},
    ),
}
