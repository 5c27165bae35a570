"""Set two studies of the same data side by side: `python -m reports.compare digits-cnn digits-mlp`."""

import shlex
import sys
from argparse import Namespace
from pathlib import Path

from threadpoolctl import threadpool_limits

from hyperstudy.reports.analysis import Analysis
from hyperstudy.reports.load import load
from hyperstudy.reports.page.render import write_report
from hyperstudy.reports.sections.adapted import adapted
from hyperstudy.reports.sections.versus import SECTIONS, cost_table, effect_claims, winner_claims
from hyperstudy.reports.versus import Versus, check_comparable
from hyperstudy.study.core.errors import Parser, exit_code, unusable, without_passwords
from hyperstudy.study.core.text import line
from hyperstudy.study.outputs.names import check_name
from hyperstudy.study.tracking.store import ROOT, TRACKING_FILE, TRACKING_OPTION, UI_ADDRESS, existing, is_server


def main(words: list[str] | None = None) -> int:
    return exit_code("reports.compare", lambda: compare(_options(words)))


def compare(options: Namespace) -> int:
    """Write the comparison, print its claims, and say where it is."""
    uri = options.tracking_uri
    existing(uri)
    base = without_passwords(uri) if is_server(uri) else UI_ADDRESS
    for name in (options.first, options.second):
        check_name(name)
    first, second = (Analysis(load(uri, name, base)) for name in (options.first, options.second))
    place = [] if uri == TRACKING_FILE else ["--tracking-uri", without_passwords(uri)]
    command = shlex.join(["python", "-m", "reports.compare", options.first, options.second, *place])
    versus = Versus(first, second, command)
    check_comparable(versus)
    folder = options.folder / versus.study.name
    sections = [adapted(section, versus.study) for section in SECTIONS]
    question = f"How do the studies {options.first} and {options.second} of the same pictures compare?"
    if versus.study.loop:
        question = f"How do the studies {options.first} and {options.second} compare? Only their loops know their data."
    try:
        with threadpool_limits(1):
            write_report(versus, sections, question, folder)
    except OSError as error:
        raise unusable(f"folder {str(folder)!r} cannot be written", error) from None
    _print_summary(versus)
    print(f"{folder / 'report.html'}\n{folder / 'README.md'}")
    return 0


def _print_summary(versus: Versus) -> None:
    for found in [*winner_claims(versus), *effect_claims(versus)]:
        interval = f" {found.effect} {found.interval}" if found.interval else ""
        print(line(f"{found.verdict + ':':14}{found.claim}{interval}"))
    print(cost_table(versus).to_string(index=False, float_format="{:.1f}".format, na_rep="-"))


def _options(words: list[str] | None) -> Namespace:
    parser = Parser(
        prog="python -m reports.compare",
        description="Set two studies of the same data side by side: winners, effects and cost.",
        allow_abbrev=False,
    )
    parser.add_argument("first", metavar="A", help="a study")
    parser.add_argument("second", metavar="B", help="another study of the same data set")
    parser.add_argument("--tracking-uri", **TRACKING_OPTION)
    folder = ROOT / "reports"
    parser.add_argument("--folder", type=Path, default=folder, help=f"where reports are written (default: {folder})")
    return parser.parse(words)


if __name__ == "__main__":
    sys.exit(main())
