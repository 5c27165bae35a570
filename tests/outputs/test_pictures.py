"""Pictures are files that open, of a size that grows with what they show; the numbers in them are tested elsewhere."""

import io

import numpy as np
import pytest
from PIL import Image

from hyperstudy.study.outputs import pictures
from tests.outputs.test_names import epochs


def size(content):
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return image.size


@pytest.mark.parametrize("accuracies", [(0.5,), (0.5, 0.7, 0.9)])
def test_learning_curves_are_drawn_for_any_number_of_epochs(accuracies):
    assert size(pictures.learning_curves(epochs(*accuracies))) == (990, 396)


@pytest.mark.parametrize("classes", [("a", "b"), ("$x$", "cost $"), tuple(f"{n:05}" for n in range(40))])
def test_a_confusion_matrix_is_drawn_for_any_class_names(classes):
    counts = np.eye(len(classes), dtype=int)
    counts[0, 0] = 0
    counts[0, 1] = 2
    width, height = size(pictures.confusion_matrix(counts, classes))
    assert width > height >= 495


def test_a_class_without_test_pictures_does_not_divide_by_zero():
    with np.errstate(all="raise"):
        pictures.confusion_matrix(np.array([[2, 0], [0, 0]]), ("a", "b"))


@pytest.mark.parametrize(("count", "channels"), [(1, 1), (9, 3)])
def test_a_grid_is_drawn_for_any_number_of_pictures(count, channels, tmp_path):
    images = np.zeros((count, channels, 8, 8), dtype=np.uint8)
    labels = np.arange(count) % 2
    pictures.prediction_grid(tmp_path / "grid.png", images, labels, 1 - labels, ("$a$", "b"))
    assert size((tmp_path / "grid.png").read_bytes())[0] == int((1.25 * min(count, 8) + 0.3) * 110)
