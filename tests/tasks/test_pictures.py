"""Training on pictures as a task: what is known of guessing."""

import pytest

from hyperstudy.study.outputs.objective import ACCURACY
from hyperstudy.study.tasks.pictures import PicturesTask, picture_objective


def test_a_guess_is_what_the_commonest_class_gives(digits):
    labels = digits.val.labels.clamp(max=3)  # classes 3 to 9 as one
    task = PicturesTask("digits", digits._replace(val=digits.val._replace(labels=labels)))
    assert task.guess(ACCURACY) == pytest.approx((labels == 3).float().mean().item())
    assert task.guess(ACCURACY) > 0.6
    assert task.guess(picture_objective("balanced-accuracy")) == pytest.approx(1 / 4)
