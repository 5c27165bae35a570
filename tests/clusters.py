"""A real Ray cluster of several nodes on this machine, for tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # before Ray is imported

STORE = 100_000_000  # bytes of each node's object store


@contextmanager
def ray_cluster(nodes: int) -> Iterator[Any]:
    """A head without a processor and so many nodes of one each, which end with the block."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=False)
    try:
        add_node(cluster, num_cpus=0, include_dashboard=False)
        for _ in range(nodes):
            add_node(cluster)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, num_cpus: int = 1, **more: Any) -> Any:
    """Add a node, on which this checkout cannot be imported: the code is to travel."""
    path = os.environ.pop("PYTHONPATH", None)
    try:
        return cluster.add_node(num_cpus=num_cpus, object_store_memory=STORE, **more)
    finally:
        if path is not None:
            os.environ["PYTHONPATH"] = path
