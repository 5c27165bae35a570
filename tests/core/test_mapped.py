"""Pictures in a file, in the place of a tensor."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.mapped import mapped
from hyperstudy.study.core.data.splits import Part, Splits
from hyperstudy.study.core.train import predict, train

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 4, 5, 3), dtype=np.uint8)
VIEWS = {
    "whole": lambda array: array.transpose(0, 3, 1, 2),
    "rows": lambda array: array[7:20].transpose(0, 3, 1, 2),
    "backwards": lambda array: array[::-2].transpose(0, 3, 1, 2),
    "one channel": lambda array: array[:, None, :, :, 1],
    "cropped": lambda array: array[:, 1:3, ::2].transpose(0, 3, 1, 2),
    "as plain arrays": lambda array: np.asarray(array)[3:].transpose(0, 3, 1, 2),
}


def files(folder: Path) -> dict[str, np.ndarray]:
    """The same pictures in three kinds of files."""
    np.save(folder / "plain.npy", PIXELS)
    np.save(folder / "fortran.npy", np.asfortranarray(PIXELS))
    (folder / "raw").write_bytes(b"header" + PIXELS.tobytes())
    opened = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("plain", "fortran")}
    return {**opened, "raw": np.memmap(folder / "raw", np.uint8, "r", offset=6, shape=PIXELS.shape)}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", ["plain", "fortran", "raw"])
def test_any_view_of_a_mapped_file_is_found_in_it(kind, view, tmp_path):
    expected = torch.from_numpy(VIEWS[view](PIXELS).copy())
    found = pickle.loads(pickle.dumps(mapped(VIEWS[view](files(tmp_path)[kind]))))
    assert found.shape == tuple(expected.shape)
    assert torch.equal(torch.cat(list(found.split(7))), expected)
    rows = torch.tensor([5, 0, 5])
    assert torch.equal(found.index_select(0, rows), expected[rows])
    assert torch.equal(next(found[torch.tensor([3, 1])].split(9)), expected[[3, 1]])


def test_an_array_in_memory_has_no_file(tmp_path):
    array = files(tmp_path)["plain"]
    assert mapped(PIXELS) is mapped(array + 1) is mapped(array.copy()) is None
    assert mapped(np.load(tmp_path / "plain.npy", mmap_mode="c")) is None, "it may hold changes that the file does not"


def test_it_travels_as_the_file_s_name(tmp_path):
    images = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", np.uint8, (1000, 3, 32, 32))
    found = mapped(images)
    assert found.dtype == torch.uint8  # its first picture was read
    assert len(pickle.dumps(found)) < 1000 * 8 + 2000 < images.nbytes / 100


@pytest.fixture
def both(tmp_path):
    """The same splits in memory and in a file."""
    generator = np.random.default_rng(1)
    pixels, labels = generator.integers(0, 256, (300, 1, 8, 12), dtype=np.uint8), torch.arange(300) % 3
    pixels[:, :, :4] //= (1 + np.arange(300) % 3)[:, None, None, None].astype(np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    statistics = torch.full((1, 1, 1), 100.0), torch.full((1, 1, 1), 70.0)

    def splits(images):
        train, val = torch.arange(300)[:240], torch.arange(300)[240:]
        return Splits(*(Part(images[rows], labels[rows]) for rows in (train, val)), tuple("abc"), *statistics, "")

    return splits(torch.from_numpy(pixels)), splits(mapped(np.load(tmp_path / "pixels.npy", mmap_mode="r")))


@pytest.mark.parametrize("frame", [{}, {"image_size": 6}, {"image_size": 12, "border": 2}])
def test_training_on_a_file_is_training_on_a_tensor_bit_for_bit(frame, both):
    config = Config(model="cnn", epochs=2, **{"image_size": 8, **frame})
    told = [
        [
            (epoch.metrics["train/loss"], epoch.metrics["val/loss"], epoch.metrics["val/accuracy"])
            for epoch in train(config, splits)
        ]
        for splits in both
    ]
    assert told[0] == told[1]


def test_framing_a_file_reads_nothing(both):
    _, splits = both
    framed = splits.framed(16, 2)
    assert framed.shape == (1, 16, 21)
    assert framed.train.images.file is splits.train.images.file
    assert len(list(framed.train.images.split(100))) == 3


def test_logits_come_for_a_file_as_for_a_tensor(both):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(96, 3))
    config = Config(model="softmax")
    in_memory, in_file = (predict(config, splits, model, splits.val.images) for splits in both)
    assert torch.equal(in_memory, in_file)
