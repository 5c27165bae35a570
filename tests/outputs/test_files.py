"""What a trial leaves behind, read with other libraries."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import Part, Splits
from hyperstudy.study.core.train import build, predict, train
from hyperstudy.study.outputs import files


def files_of(config, splits, history, model):
    return files.of_trial(config, history) | files.of_model(config, splits, model)


@pytest.fixture(scope="module")
def trained(digits):
    """A configuration, its model, and its history."""
    config = Config(epochs=3, lr=3e-3, image_size=12, border=1, scaling="unit")
    model = build(config, digits.shape, 10)
    return config, model, list(train(config, digits, model))


def test_the_classifier_predicts_what_the_model_predicted(digits, trained, tmp_path):
    config, model, history = trained
    for name, content in files_of(config, digits, history, model).items():
        (tmp_path / name).write_bytes(content)
    back = files.load_trained(tmp_path)
    assert (back.config, back.classes, back.shape) == (config, digits.classes, (1, 8, 8))
    framed = digits.val.framed(config.image_size, config.border).images
    expected = predict(config, digits, model, framed).softmax(1)
    torch.testing.assert_close(back.probabilities(digits.val.images), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_a_classifier_of_pictures_that_are_not_square_comes_back(kind, tmp_path):
    images = torch.randint(0, 256, (20, 3, 6, 10), dtype=torch.uint8)
    part = Part(images if kind is torch.uint8 else images / 255, torch.arange(20) % 2)
    mean = torch.full((3, 1, 1), 0.5)
    splits = Splits(part, part, ("left", "right"), mean, mean, "noise")
    config = Config(model="mlp", epochs=1, image_size=9, border=2)
    model = build(config, splits.shape, 2)
    for name, content in files_of(config, splits, list(train(config, splits, model)), model).items():
        (tmp_path / name).write_bytes(content)
    back = files.load_trained(tmp_path)
    assert (back.shape, back.white) == ((3, 6, 10), 255 if kind is torch.uint8 else 1)
    expected = predict(config, splits, model, part.framed(9, 2).images).softmax(1)
    torch.testing.assert_close(back.probabilities(part.images), expected, atol=1e-5, rtol=0)
    with np.load(
        io.BytesIO(files.mistakes(torch.eye(2)[1 - part.labels] * torch.linspace(2, 1, 20)[:, None], part))
    ) as found:
        assert found["pictures"].dtype == np.uint8
        assert (np.abs(found["pictures"].astype(int) - images[: files.MISTAKES].numpy()) <= 1).all()


def test_the_network_of_an_earlier_version_comes_back_as_a_square(digits, trained, tmp_path):
    config, model, history = trained
    made = files_of(config, digits, history, model)
    kept = json.loads(made["config.json"])
    for name in ("height", "width", "white"):
        del kept["data"][name]
    (tmp_path / "config.json").write_text(json.dumps(kept))
    (tmp_path / "weights.safetensors").write_bytes(made["weights.safetensors"])
    back = files.load_trained(tmp_path)
    assert back.white == 255
    assert back.probabilities(digits.val.images).shape == (360 - 72, 10)


def test_the_history_is_a_table_with_a_row_per_epoch(digits, trained):
    config, model, history = trained
    table = pd.read_csv(io.BytesIO(files_of(config, digits, history, model)["history.csv"]))
    assert table.epoch.tolist() == [1, 2, 3]
    assert table["val/accuracy"].tolist() == [epoch.metrics["val/accuracy"] for epoch in history]


def test_the_configuration_is_json_with_the_data_s_digest(digits, trained):
    config, model, history = trained
    kept = json.loads(files_of(config, digits, history, model)["config.json"])
    assert kept["config"]["lr"] == 3e-3
    assert (kept["data"]["digest"], kept["data"]["classes"]) == (digits.digest, list(digits.classes))


def test_the_confusion_matrix_keeps_counts_and_class_names():
    """A class may have a name that a spreadsheet would take for a number, or that holds a comma."""
    counts = np.array([[3, 1, 0], [0, 2, 2], [1, 0, 5]])
    names = ("00000", "cat, wild", 'the "dog"')
    header, *rows = csv.reader(io.StringIO(files.confusion(counts, names).decode()))
    assert header[1:] == [row[0] for row in rows] == list(names)
    assert [[int(cell) for cell in row[1:]] for row in rows] == counts.tolist()


def test_the_mistakes_are_the_wrong_answers_with_the_highest_probability():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(200, 4, generator=generator), torch.arange(200) % 4
    pictures = torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1)
    probability = functional.softmax(logits, 1).numpy()
    wrong = [row for row in range(200) if probability[row].argmax() != labels[row]]
    expected = sorted(wrong, key=lambda row: -probability[row].max())[: files.MISTAKES]
    with np.load(io.BytesIO(files.mistakes(logits, Part(pictures, labels)))) as found:
        assert found["pictures"].ravel().tolist() == expected
        assert found["true"].tolist() == labels[expected].tolist()
        assert found["predicted"].tolist() == probability[expected].argmax(1).tolist()
        assert found["probability"] == pytest.approx(probability[expected].max(1))


def test_without_a_mistake_the_file_is_empty():
    part = Part(torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.tensor([0, 1, 0]))
    with np.load(io.BytesIO(files.mistakes(torch.tensor([[9.0, 0], [0, 9], [9, 0]]), part))) as found:
        assert found["pictures"].shape == (0, 1, 2, 2)
