import os
from collections.abc import Iterator

import pytest
import recurra as rc
from hypothesis import settings

settings.register_profile("recurra", deadline=None, derandomize=True, database=None, max_examples=40)
settings.load_profile("recurra")


@pytest.fixture(autouse=True, scope="session")
def expected_isa() -> None:
    expected = os.environ.get("RECURRA_EXPECTED_ISA")
    if expected is not None:
        assert rc.isa() == expected


@pytest.fixture(autouse=True)
def kept_threads() -> Iterator[None]:
    threads = rc.num_threads()
    yield
    rc.set_num_threads(threads)
