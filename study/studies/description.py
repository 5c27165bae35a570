"""A study's description: Markdown for the tracker's page, and tags for the report."""

import json
import shlex
from argparse import Namespace

import torch

from hyperstudy.study.comparisons.reranking import CANDIDATES, SEEDS
from hyperstudy.study.core.data.splits import Splits
from hyperstudy.study.core.own import OwnFile
from hyperstudy.study.core.plan import Plan
from hyperstudy.study.outputs import environment
from hyperstudy.study.search.design import explore_size
from hyperstudy.study.studies.options import places

FILE = "study.file"  # the tag that says where the user's own file lies
FINALISTS = "study.finalists"  # the tag with the latest finalists' hyperparameters by role


def note(options: Namespace, plan: Plan, splits: Splits, device: torch.device) -> str:
    """Question, space, command and machine; shorter than the 5,000 characters that MLflow allows a tag."""
    explored = explore_size(options.trials)
    searched = ", ".join(plan.space)
    rows = [f"| {name} | {row.describe()} | {row.default} |" for name, row in plan.dimensions().items()]
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions().items())
    lines = [
        f"How do {searched} affect what model `{options.model}` reaches on `{options.dataset}`, "
        "and which configuration is best?",
        "",
        f"- **explore**: {explored} designed trials (scrambled Sobol, seed {plan.base.seed}), never pruned",
        f"- **search**: {options.trials - explored} trials by `{options.sampler}`, pruned by `{options.pruner}`",
        *_choosing(options.confirm_seeds),
        "",
        "| hyperparameter | searched in | default |",
        "|---|---|---|",
        *rows,
        "",
        f"Objective: validation accuracy after the last epoch. Data digest `{splits.digest}`, "
        f"{len(splits.train.labels)} training and {len(splits.val.labels)} validation pictures of "
        f"{'x'.join(map(str, splits.shape))}.",
        "",
        f"    {options.command}",
        "",
        f"{versions}; commit `{environment.commit()}`; {environment.hardware(device)}.",
    ]
    return "\n".join(lines)


def _choosing(seeds: int) -> list[str]:
    """How the winner is found after the search."""
    if not seeds:
        return ["- nothing is re-ranked or confirmed"]
    return [
        f"- **rerank**: the {CANDIDATES} best and the default over up to {SEEDS} fresh seeds, on validation; the "
        "default wins unless a candidate leads it by more than the standard error",
        f"- **confirm**: winner, runner-up and default over {seeds} other seeds, then the test pictures",
    ]


def tags(options: Namespace, plan: Plan, splits: Splits, device: torch.device) -> dict[str, str]:
    """Tags that describe the study as a whole; each value is JSON or plain text."""
    return {
        "study.space": json.dumps({name: row.as_dict() for name, row in plan.dimensions().items()}),
        "study.dataset": options.dataset,
        "study.model": options.model,
        "study.chance": str(splits.chance),
        "study.training_pictures": str(len(splits.train.labels)),
        "study.validation_pictures": str(len(splits.val.labels)),
        "study.trials": str(options.trials),
        "study.sampler": options.sampler,
        "study.pruner": options.pruner,
        "study.hardware": environment.hardware(device),
        "study.command": options.command,
        "study.places": shlex.join(places(options)),
        **({FILE: str(options.own.path)} if isinstance(options.own, OwnFile) else {}),
    }
