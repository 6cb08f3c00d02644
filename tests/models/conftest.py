"""What tests that open model files share."""

from collections.abc import Iterator

import pytest

from explainers.models import screening
from tests.models.forking import Forking


@pytest.fixture(scope="session")
def forking() -> Iterator[Forking]:
    process = Forking()
    yield process
    process.close()


@pytest.fixture
def forked(forking: Forking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are taken apart in forks of one process, where its start is not the point."""
    monkeypatch.setattr(screening, "subprocess", forking)
