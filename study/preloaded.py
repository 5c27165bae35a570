"""What the fork server imports once for all workers.

Frozen, it is not walked over by their garbage collectors, which would copy its pages, nor at the server's end.
"""

import gc

import study.workers  # noqa: F401

gc.freeze()

import torch._dynamo  # noqa: E402, F401  by any optimizer at its first step; unfrozen, since triton protests at the end
