"""Architectures by name. Adding one: write its file, add its row to `MODELS`. Imports torch only."""

from models.activations import ACTIVATIONS
from models.cnn import cnn
from models.family import Family
from models.lenet import lenet
from models.mlp import mlp
from models.softmax import softmax

MODELS = {
    "softmax": Family(softmax),
    "mlp": Family(mlp, depths=(1, 2, 3, 4, 5, 6, 7, 8), default_depth=2),
    "lenet": Family(lenet, depths=(1, 2, 3, 4), default_depth=2, smallest_side=12),
    "cnn": Family(cnn, depths=(1, 2, 3, 4), default_depth=2),
}

__all__ = ["ACTIVATIONS", "MODELS", "Family"]
