"""That the two sides of every comparison do the same work."""

from functools import partial

import pytest
import torch

from hyperstudy.study.core.config import Config
from hyperstudy.study.core.data.splits import SCALINGS, Part, Splits
from hyperstudy.study.core.errors import InputError
from hyperstudy.study.core.train import build
from hyperstudy.study.outputs.environment import cores
from tests.benchmark import gpu, overhead, precision, timing, tutorials
from tests.benchmark.core import CASES


def noise(channels: int, side: int, count: int = 320) -> Splits:
    """Random pictures in ten classes, as training and as validation pictures."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, channels, side, side), generator=generator, dtype=torch.uint8)
    part = Part(images, torch.arange(count) % 10)
    std, mean = (value.view(-1, 1, 1) for value in torch.std_mean(images.float(), (0, 2, 3)))
    return Splits(part, part, tuple("0123456789"), mean, std, "noise")


@pytest.mark.parametrize("name", CASES)
def test_the_tutorials_network_is_ours(name):
    config, _, network, _ = CASES[name]
    channels = 3 if "CIFAR" in name else 1
    ours, theirs = build(config, (channels, 32, 32), 10), network()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(4, channels, config.image_size, config.image_size)
    assert torch.allclose(ours(images), theirs(images), atol=1e-5)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_tutorials_pictures_are_ours(scaling, channels):
    splits = noise(channels, 8)
    config = Config(scaling=scaling, image_size=12, border=2)
    shift, scale = SCALINGS[scaling](splits)
    expected = (splits.framed(12, 2).train.images[5].float() - shift) / scale
    pictures = tutorials.Pictures(splits.train, tutorials.transform(config, splits))
    image, label = pictures[5]
    assert label == 5
    assert torch.allclose(image, expected, atol=1e-5)


def test_the_tutorials_loop_learns():
    splits = noise(1, 8, 64)
    *_, last = tutorials.train(Config(epochs=30, lr=0.01), splits, tutorials.cnn(1, 8, 3))
    assert last.val_accuracy > 0.9
    assert last.pictures == 64


TWO_PROCESSES = partial(gpu.in_processes, 2)


@pytest.mark.parametrize(
    ("model", "way"), [("mlp", TWO_PROCESSES), ("mlp", gpu.batch_of_models), ("lenet", gpu.batch_of_models)]
)
def test_trials_side_by_side_learn_as_one_after_another(model, way):
    config = Config(model=model, image_size=12, batch_size=64, last_batch="drop", epochs=2)
    splits = noise(1, 12)
    expected = gpu.one_at_a_time(config, splits, 3)
    assert way(config, splits, 3).loss == pytest.approx(expected.loss, abs=1e-3)


def test_a_command_s_lines_come_with_their_times(tmp_path):
    code = "import time; print('[1/2] explore-000 complete'); time.sleep(0.2); print('[2/2] search-001 pruned')"
    first, second, end = timing.run(tmp_path, "-c", code)
    assert 0 < first.seconds < second.seconds - 0.15
    assert second.seconds <= end.seconds
    assert timing.finished([first, second, end]) == [first.seconds, second.seconds]


def test_a_driver_s_share_is_that_of_the_processor_time_between_the_first_trial_and_the_last():
    lines = [
        timing.Line(1.0, "first, a word", {10: 1.0}),
        timing.Line(2.0, "[1/2] explore-000 complete", {10: 2.0, 11: 3.0}),
        timing.Line(12.0, "[2/2] search-001 pruned", {10: 3.0, 11: 8.0, 12: 4.0}),
        timing.Line(13.0, "the end", {10: 9.0}),
    ]
    assert overhead.overhead(lines) == (pytest.approx(0.1), pytest.approx(10 / (10 * cores())))


def test_a_command_s_processor_time_is_seen_with_its_children_s(tmp_path):
    spin = "import sys, time\nwhile time.process_time() < 0.3:\n    pass\n"
    (tmp_path / "child.py").write_text(f"{spin}print('both', flush=True)\nsys.stdin.read()\n")
    (tmp_path / "parent.py").write_text(
        f"""{spin}
from subprocess import PIPE, Popen
with Popen([sys.executable, "child.py"], stdin=PIPE) as child:
    time.sleep(2)
"""
    )
    both, _ = timing.run(tmp_path, "parent.py", watch=overhead.processor_seconds)
    assert len(both.seen) == 2
    assert all(seconds >= 0.25 for seconds in both.seen.values())


def test_a_command_that_fails_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"python -c import sys; sys\.exit\(3\) ended with 3"):
        timing.run(tmp_path, "-c", "import sys; sys.exit(3)")


def test_both_precisions_train_the_same_seeds():
    config = Config(model="mlp", image_size=12, epochs=2)
    histories = precision.trained(config, noise(1, 12), range(3))
    assert list(histories) == ["float32", "bf16"]
    losses = {name: [epochs[-1].metrics["train/loss"] for epochs in trained] for name, trained in histories.items()}
    assert [len(epochs) for trained in histories.values() for epochs in trained] == [2] * 6
    assert losses["bf16"] == pytest.approx(losses["float32"], rel=0.02)
    assert losses["bf16"] != losses["float32"]
    assert len(set(losses["float32"])) == 3
