"""Pictures, each with its class by a study's champion and how sure that is; or drawn, with true and predicted class."""

import sys
from argparse import Namespace
from pathlib import Path

import torch
from rich.table import Table
from torch import Tensor

from hyperstudy.study.comparisons.finalists import trained_by
from hyperstudy.study.comparisons.published import RECIPES
from hyperstudy.study.core.data.decoding import quiet_pillow, read_picture
from hyperstudy.study.core.data.pictures import scaled
from hyperstudy.study.core.data.splits import LEVELS, drawable, in_channels, load_test
from hyperstudy.study.core.errors import InputError, Parser, count, not_one_of, unusable
from hyperstudy.study.outputs.files import Trained
from hyperstudy.study.outputs.names import RECIPE
from hyperstudy.study.outputs.pictures import prediction_grid
from hyperstudy.study.studies.file import add_own, own_of
from hyperstudy.study.studies.options import add_data_dir
from hyperstudy.study.studies.view import make_console
from hyperstudy.study.tracking.experiments import experiments, find_study
from hyperstudy.study.tracking.registry import champion
from hyperstudy.study.tracking.store import TRACKING_OPTION, existing
from hyperstudy.study.tracking.tracker import Tracker

DRAWING = Path("predictions.png")
SHOWN = 5  # classes at most, the likeliest first


def parse_options(words: list[str] | None) -> Namespace:
    """The checked options of `python -m study.predict`."""
    parser = Parser(
        prog="python -m study.predict", description="Classify pictures with a study's champion.", allow_abbrev=False
    )
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE", help="of any size and mode")
    parser.add_argument("--study", metavar="NAME", help="whose champion (default: the latest study that has one)")
    parser.add_argument(
        "--recipe", metavar="NAME", help=f"a published recipe's first run instead: {', '.join(RECIPES)}"
    )
    parser.add_argument("--invert", action="store_true", help="invert colours: for dark digits on white paper")
    parser.add_argument("--grid", type=count("grid", 1), metavar="N", help="draw N test pictures with their labels")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"where --grid draws (default: {DRAWING})")
    add_own(parser)
    add_data_dir(parser)
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    options = parser.parse(words)
    if bool(options.pictures) == bool(options.grid):
        raise InputError("either name pictures, or draw test pictures with --grid N")
    if options.out and not options.grid:
        raise InputError(f"only --grid N draws; got --out {options.out}")
    options.out = options.out or DRAWING
    if options.recipe and options.study:
        raise InputError(f"name a study or a recipe; got --study {options.study} and --recipe {options.recipe}")
    if options.recipe and options.recipe not in RECIPES:
        raise not_one_of("recipe", options.recipe, RECIPES)
    return options


def predict(options: Namespace) -> int:
    """Print class and probabilities of every picture, or draw the grid; 2 if a picture cannot be read, else 0."""
    existing(options.tracking_uri)
    tracker, run_id = _champion(options)
    own_of(tracker, options)
    trained = trained_by(tracker, run_id)
    if options.grid:
        _draw(options, trained)
        return 0
    with quiet_pillow():
        return _tell(options, trained)


def _champion(options: Namespace) -> tuple[Tracker, str]:
    """The study whose network is used, and the run that trained it; raises `InputError` if there is none."""
    names = list(experiments(options.tracking_uri))
    if options.study:
        find_study(options.tracking_uri, options.study)  # raises if there is none
    for name in [options.study] if options.study else names:
        tracker = Tracker(options.tracking_uri, name)
        if options.recipe:
            runs = tracker.runs(f"tags.phase = '{RECIPE}' and tags.state = 'complete'")
            mine = [run for run in runs if run.tags["role"] == options.recipe]
            run_id = min(mine, key=lambda run: int(run.params["seed"])).run_id if mine else None
        else:
            run_id = champion(tracker)
        if run_id is not None:
            return tracker, run_id
    if options.recipe:
        raise InputError(f"recipe {options.recipe!r} was not run yet: python -m study.recipes {options.recipe}")
    raise InputError(f"study {options.study!r} has no champion yet" if options.study else "no study has a champion yet")


def _tell(options: Namespace, trained: Trained) -> int:
    """Print one line per picture, and one on standard error for each that cannot be read."""
    unread = []
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("picture", "class", "probabilities"):
        table.add_column(heading, overflow="fold")
    for path in options.pictures:
        try:
            pixels = _read(path, options.invert, trained)
        except InputError as error:
            unread.append(str(error))
            continue
        probabilities = trained.probabilities(pixels)[0]
        best = probabilities.argsort(descending=True)[:SHOWN].tolist()
        told = ", ".join(f"{trained.classes[number]} {probabilities[number]:.1%}" for number in best)
        table.add_row(str(path), trained.classes[best[0]], told)
    if table.row_count:
        make_console().print(table)
    for reason in unread:
        print(f"study.predict: {reason}", file=sys.stderr)
    return 2 if unread else 0


def _read(path: Path, invert: bool, trained: Trained) -> Tensor:
    """One picture file as `(1, C, H, W)`, as the network was given its pictures."""
    channels, *size = trained.shape
    pixels = torch.from_numpy(read_picture(path, scaled(size, trained.config.image_size)).copy())[None]
    levels = pixels if trained.white == LEVELS else pixels * (trained.white / LEVELS)
    return in_channels(trained.white - levels if invert else levels, channels)


def _draw(options: Namespace, trained: Trained) -> None:
    """Draw test pictures, always the same random ones, with true and predicted class."""
    test = load_test(trained.config.dataset, options.data_dir, trained.config.image_size)
    rows = torch.randperm(len(test.labels), generator=torch.Generator().manual_seed(0))[: options.grid]
    shown, labels = in_channels(test.images.index_select(0, rows), trained.shape[0]), test.labels[rows]
    predicted = trained.probabilities(shown).argmax(1)
    try:
        prediction_grid(options.out, drawable(shown).numpy(), labels.numpy(), predicted.numpy(), trained.classes)
    except OSError as error:
        raise unusable(f"grid {str(options.out)!r} cannot be drawn", error) from None
    except ValueError as error:
        raise InputError(f"grid {str(options.out)!r} cannot be drawn: {error}") from None
    right = int((predicted == labels).sum())
    make_console().print(f"{right} of {len(rows)} right: {options.out}")
