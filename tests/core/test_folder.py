"""A folder's pictures in the cache of the data directory."""

import errno
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from hyperstudy.study.core.data import folder
from hyperstudy.study.core.data.mapped import Mapped
from hyperstudy.study.core.data.splits import load_published, load_splits, load_test
from hyperstudy.study.core.errors import InputError
from tests.conftest import environment, wait_for
from tests.datafiles import write_pictures


@pytest.fixture
def top(tmp_path):
    """Two classes of ten pictures, 20 pixels wide and 16 high, in colour."""
    write_pictures(tmp_path / "pets")
    return tmp_path / "pets"


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded since."""
    names = []

    def open_picture(path):
        names.append(path.name)
        return original(path)

    original = folder.open_picture
    monkeypatch.setattr(folder, "open_picture", open_picture)
    return names


def load(top, side=8):
    return load_splits(f"folder:{top}", top.parent / "data", side)


def cached(top, pattern="*.npy"):
    return sorted((top.parent / "data" / "cache").glob(pattern))


def as_pillow_has_it(path, size):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def test_each_part_is_rows_of_one_file_in_their_own_proportions(top):
    splits, test = load(top), load_test(f"folder:{top}", top.parent / "data", 8)
    (file,) = cached(top)
    found = [part.images for part in (splits.train, splits.val, test)]
    assert all(isinstance(images, Mapped) and images.file.path == file for images in found)
    assert sorted(torch.cat([images.rows for images in found]).tolist()) == list(range(20))
    assert splits.shape == (3, 8, 10)
    whole = np.load(file)
    for row, path in enumerate(sorted(top.glob("*/*.png"))):
        assert np.abs(whole[row].astype(int) - as_pillow_has_it(path, (10, 8))).max() <= 1


def test_a_second_start_decodes_nothing_and_reads_no_more_than_it_needs(top, decoded, monkeypatch):
    first = load(top)
    assert len(decoded) >= 20
    decoded.clear()
    monkeypatch.setattr("hyperstudy.study.core.data.splits.mean_and_std", None)
    monkeypatch.setattr("hyperstudy.study.core.data.splits.digest_of", None)
    second = load(top)
    assert decoded == []
    assert (second.digest, second.mean.tolist(), second.std.tolist()) == (
        first.digest,
        first.mean.tolist(),
        first.std.tolist(),
    )


def test_what_is_kept_for_one_part_is_not_taken_for_another(top):
    studied, published = load(top), load_published(f"folder:{top}", top.parent / "data", 8)
    assert studied.digest == published.digest
    pixels = torch.cat(list(published.train.images.split(100))).double()
    assert published.mean.flatten().tolist() == pytest.approx(pixels.mean((0, 2, 3)).tolist(), rel=1e-6)
    assert studied.mean.flatten().tolist() != published.mean.flatten().tolist()


def change(top):
    with Image.open(top / "cat" / "003-0.png") as image:
        image.transpose(Image.Transpose.ROTATE_180).save(top / "cat" / "003-0.png")


CHANGES = {
    "changed": change,
    "added": lambda top: shutil.copyfile(top / "cat" / "003-0.png", top / "cat" / "new.png"),
    "removed": lambda top: (top / "cat" / "003-0.png").unlink(),
    "renamed": lambda top: (top / "cat" / "003-0.png").rename(top / "cat" / "x.png"),
    "touched": lambda top: os.utime(top / "cat" / "003-0.png", (1, 1)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_folder_that_changed_is_decoded_again(kind, top, decoded):
    load(top)
    decoded.clear()
    CHANGES[kind](top)
    load(top)
    assert decoded
    assert len(cached(top)) == 2


def test_another_size_or_another_folder_is_another_file(top, decoded):
    load(top)
    load(top, 4)
    shutil.copytree(top, top.parent / "other" / "pets")
    load_splits(f"folder:{top.parent / 'other' / 'pets'}", top.parent / "data", 8)
    assert len(cached(top)) == 3


def test_unequal_pictures_are_squares(top):
    Image.new("RGB", (16, 20), "red").save(top / "dog" / "zzz.png")
    Image.new("RGB", (16, 20), "red").save(top / "dog" / "zzzz.png")
    assert load(top).shape == (3, 8, 8)


def test_one_coloured_training_picture_makes_all_have_three_channels(tmp_path):
    write_pictures(tmp_path / "pets", colour=False)
    assert load(tmp_path / "pets").shape == (1, 8, 10)
    for name in "abcdef":
        Image.new("RGB", (20, 16), "red").save(tmp_path / "pets" / "dog" / f"{name}.png")
    assert load(tmp_path / "pets").shape == (3, 8, 10)


def test_test_pictures_do_not_decide_on_the_shape(tmp_path):
    write_pictures(tmp_path / "pets" / "train", colour=False)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / "test" / name).mkdir(parents=True)
        Image.new("RGB", (16, 16), "red").save(tmp_path / "pets" / "test" / name / "red.png")
    test = load_test(f"folder:{tmp_path / 'pets'}", tmp_path / "data", 8)
    assert load(tmp_path / "pets").shape == tuple(test.images.shape[1:]) == (1, 8, 10)
    assert next(test.images.split(2)).unique().tolist() == [round(0.299 * 255)]


def test_the_data_directory_may_lie_in_the_folder(top):
    for _ in range(2):
        splits = load_splits(f"folder:{top}", top / "data", 8)
    assert splits.classes == ("cat", "dog")


@pytest.mark.parametrize("place", [0, 19])
def test_a_damaged_picture_is_named_and_leaves_no_file(place, top):
    path = sorted(top.glob("*/*.png"))[place]
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=f"{path.name} is damaged"):
        load(top)
    assert cached(top) == []


DECODER = """
import time
from pathlib import Path
from hyperstudy.study.core.data import folder

original, folder.CHUNK, folder.AHEAD, folder.THREADS = folder.open_picture, 1, 1, 1

def slow(path):
    time.sleep(0.2)
    return original(path)

folder.open_picture = slow
folder.load_folder(Path("data"), "pets", True, 8)
"""


def test_a_killed_decoding_leaves_nothing_that_is_taken_for_whole(top, decoded):
    with subprocess.Popen([sys.executable, "-c", DECODER], cwd=top.parent, env=environment()) as decoder:
        wait_for(lambda: cached(top, "*.partial"))
        decoder.kill()
    assert cached(top) == []
    assert load(top).shape == (3, 8, 10)
    assert len(set(decoded)) == 20
    assert cached(top, "*.partial") == []


def test_a_failed_decoding_is_begun_again(top, decoded, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(
        InputError, match=r"written to .*cache', which failed \(No space left on device\): name another"
    ):
        load(top)
    monkeypatch.undo()
    assert cached(top) == []
    assert load(top).shape == (3, 8, 10)


def test_a_full_disk_is_one_line_before_anything_is_decoded(top, decoded, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    with pytest.raises(InputError, match=r"20 decoded pictures take 0\.0 GiB in .* 0\.0 GiB are free: make room"):
        load(top)
    assert len(decoded) == 1


class Usage:
    free = 100  # bytes


def test_a_bar_on_standard_error_shows_how_many_are_decoded(top, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(folder, "Console", lambda stderr: Console(file=shown, force_terminal=True, width=100))
    load(top)
    assert "decoding pets" in shown.getvalue()
    assert "100%" in shown.getvalue()


def test_two_that_start_at_once_decode_the_folder_once(top, decoded):
    """The second waits for the lock, and then finds the file."""
    from threading import Thread

    threads = [Thread(target=load, args=(top,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([name for name in decoded if name == "009-1.png"]) == 1


def test_facts_that_are_damaged_are_computed_again(top):
    first = load(top)
    (facts,) = cached(top, "*.json")
    facts.write_text("{")
    assert load(top).digest == first.digest
    assert Path(facts).read_text().startswith('{"')
