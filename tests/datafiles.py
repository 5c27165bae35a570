"""Small data sets in the official layouts, written by the tests themselves."""

import hashlib
import io
import pickle
from zipfile import ZipFile

import numpy as np
from PIL import Image
from scipy.io import savemat
from torchvision import datasets as torchvision_datasets

RNG = np.random.default_rng(0)
IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def write_idx(path, array):
    """LeCun's IDX format: two zero bytes, the type (8: unsigned byte), how many dimensions, their sizes, the data."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def write_mnist(root, folder, count=40):
    raw = root / folder / "raw"
    raw.mkdir(parents=True)
    arrays = {}
    for name in IDX:
        shape = (count, 28, 28) if "images" in name else (count,)
        arrays[name] = RNG.integers(0, 256, shape) if "images" in name else np.arange(count) % 10
        write_idx(raw / name, arrays[name])
    return arrays


def write_cifar(root, kind, monkeypatch):
    """CIFAR's pickles: rows of 3,072 bytes, all red ones first; the class's checksums become those of these files."""
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    key = "fine_labels" if kind is torchvision_datasets.CIFAR100 else "labels"
    classes = 100 if kind is torchvision_datasets.CIFAR100 else 10
    rows = {}

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / name).read_bytes()).hexdigest()

    def batch(name):
        labels = [i % classes for i in range(5 * classes)]
        rows[name] = RNG.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
        return [name, write(name, {"data": rows[name], key: labels})]

    monkeypatch.setattr(kind, "train_list", [batch(name) for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [batch(name) for name, _ in kind.test_list])
    names = [f"class {number}" for number in range(classes)]
    checksum = write(kind.meta["filename"], {kind.meta["key"]: names})
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": checksum})
    return rows


def write_svhn(root, monkeypatch):
    """SVHN's MATLAB files: (32, 32, 3, N) pictures, labels 1 to 10 where 10 means zero."""
    kind, splits, pictures = torchvision_datasets.SVHN, {}, {}
    root.mkdir(parents=True, exist_ok=True)
    for split in ("train", "test"):
        name = kind.split_list[split][1]
        pictures[split] = RNG.integers(0, 256, (32, 32, 3, 50), dtype=np.uint8)
        savemat(root / name, {"X": pictures[split], "y": (np.arange(50) % 10 + 1)[:, None]})
        splits[split] = ["", name, hashlib.md5((root / name).read_bytes()).hexdigest()]
    monkeypatch.setattr(kind, "split_list", {**kind.split_list, **splits})
    return pictures


def write_pictures(folder, count=10, size=(20, 16), colour=True, classes=("cat", "dog")):
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = RNG.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            if not colour:
                pixels[:] = pixels[..., :1]
            Image.fromarray(pixels).save(folder / name / f"{index:03d}-{number}.png")


def write_archive(root, count=3):
    """A zip of an image-folder tree: two classes, flat colours that survive JPEG."""
    with ZipFile(root / "cifar10-jpeg.zip", "w") as archive:
        for part, offset in (("train", 0), ("test", 100)):
            for number, name in enumerate(("airplane", "cat")):
                for index in range(count):
                    level = offset + 50 * number + 5 * index
                    content = io.BytesIO()
                    Image.new("RGB", (32, 32), (level, 40, 80)).save(content, "JPEG")
                    archive.writestr(f"cifar10-jpeg/{part}/{name}/{index:04}.jpg", content.getvalue())
