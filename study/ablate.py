"""Train what a study's hypotheses need, over paired seeds: `python -m study.confirm --study digits-cnn`.

For each hyperparameter the default's level against the winner's, all else equal, and the path from default to winner
one hyperparameter at a time. The next report says what came of it.
"""

import sys

from study.core.errors import exit_code
from study.workers.processes import freeze_imports, start_server


def main(words: list[str] | None = None) -> int:
    def run() -> int:
        start_server()
        # Imported here: every worker imports this module again, and needs neither mlflow nor optuna.
        from study.studies.ablation import experiment, parse_options

        freeze_imports()
        return experiment(parse_options(words))

    return exit_code("study.confirm", run)


if __name__ == "__main__":
    sys.exit(main())
