"""One Ray cluster for all tests of the workers."""

import pytest

from tests.clusters import ray_cluster


@pytest.fixture(scope="package")
def cluster():
    with ray_cluster(2) as cluster:
        yield cluster
