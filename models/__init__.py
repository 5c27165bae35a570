"""Architectures by name. Adding one: write its file, add its row to `MODELS`. Imports torch only."""

from hyperstudy.models.activations import ACTIVATIONS
from hyperstudy.models.alexnet import alexnet
from hyperstudy.models.cnn import cnn
from hyperstudy.models.family import Family
from hyperstudy.models.initialisation import INITIALISATIONS, initialise
from hyperstudy.models.lenet import lenet, linear_lenet
from hyperstudy.models.mlp import diamond_mlp, mlp
from hyperstudy.models.resnet import resnet
from hyperstudy.models.softmax import softmax
from hyperstudy.models.vgg import CONVOLUTIONS, two_branch_vgg, vgg

MODELS = {
    "softmax": Family(softmax),
    "mlp": Family(mlp, depths=(1, 2, 3, 4, 5, 6, 7, 8), default_depth=2),
    "mlp-diamond": Family(diamond_mlp),
    "lenet": Family(lenet, depths=(1, 2, 3, 4), default_depth=2, smallest_side=12),
    "lenet-linear": Family(linear_lenet, smallest_side=12),
    "cnn": Family(cnn, depths=(1, 2, 3, 4), default_depth=2),
    "alexnet": Family(alexnet, smallest_side=63),
    "vgg": Family(vgg, depths=tuple(CONVOLUTIONS), default_depth=11),
    "vgg-two-branch": Family(two_branch_vgg, depths=tuple(CONVOLUTIONS), default_depth=11),
    "resnet": Family(resnet, depths=(8, 14, 20, 32, 44, 56), default_depth=20),
}

__all__ = ["ACTIVATIONS", "INITIALISATIONS", "MODELS", "Family", "initialise"]
