"""What the fork server imports once for all workers."""

import study.workers.pool  # noqa: F401
from study.workers.processes import freeze_imports

freeze_imports()

import torch._dynamo  # noqa: E402, F401  by any optimizer at its first step; it brings triton, not to be frozen
