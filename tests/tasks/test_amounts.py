"""What a study says of its pictures when it begins."""

import torch

from hyperstudy.study.core.data.splits import Part, Splits
from hyperstudy.study.tasks.amounts import amounts


def splits(train, val):
    """Splits with these numbers of training and validation pictures a class."""
    parts = (torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)) for counts in (train, val))
    pictures = (Part(torch.zeros(len(labels), 1, 2, 2, dtype=torch.uint8), labels) for labels in parts)
    return Splits(*pictures, ("cat", "dog", "eel")[: len(train)], torch.zeros(1, 1, 1), torch.ones(1, 1, 1), "")


def test_enough_pictures_in_equal_classes_are_one_line():
    assert amounts("pets", splits([1000, 1010], [250, 252])) == [
        "pets: 2,010 training and 502 validation pictures of 2 classes; test pictures are met in confirmation alone"
    ]


def test_unequal_classes_are_named():
    (line,) = amounts("pets", splits([1000, 100, 500], [250, 25, 125]))
    assert "of 3 classes, from 125 of 'dog' to 1,250 of 'cat'; test" in line


def test_few_validation_pictures_say_the_step_of_an_accuracy():
    _, warning = amounts("pets", splits([72, 72], [18, 18]))
    assert warning == "few pictures: one validation picture is 2.8 points of accuracy"


def test_a_class_with_few_or_no_validation_pictures_is_named():
    _, warning = amounts("pets", splits([1000, 12], [250, 4]))
    said = "class 'dog' has 12 to train and 4 to validate, each of them 25 points of its own accuracy"
    assert warning == f"few pictures: {said}"
    _, warning = amounts("pets", splits([1000, 2], [250, 0]))
    assert warning == "few pictures: class 'dog' has 2 to train and 0 to validate"


def test_a_study_begins_with_them(finished_study):
    said = "digits: 1,149 training and 288 validation pictures of 10 classes; test pictures are met in confirmation"
    assert (finished_study / "output.txt").read_text().startswith(said)
