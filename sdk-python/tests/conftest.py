"""Hubs for the tests: one that a module's tests share, and ones of a test's own."""

from __future__ import annotations

import os
from typing import Any, Iterator

# The tests start processes. Before Python 3.10 each is a fork, in which gRPC's care for forks fails.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import pytest
from hub import FOREIGN, Feeder, Hub, wait_for

import cadge


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests' caller has set for a hub of its own must not count."""
    for name in FOREIGN & set(os.environ):
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def full_hub() -> Iterator[Hub]:
    """A hub with the alerts 1 to 3000. No test changes it."""
    hub = Hub().start()
    Feeder(hub).feed(3000)
    with cadge.connect(hub.socket) as client:
        # The index follows the log by a moment.
        wait_for("index of the whole log", lambda: client.count().indexed == 3000)
    yield hub
    hub.remove()


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without an alert."""
    hub = Hub().start()
    yield hub
    hub.remove()


@pytest.fixture(params=["unix", "mtls"])
def arguments(request: pytest.FixtureRequest, full_hub: Hub) -> dict[str, Any]:
    """Of `connect`, to the full hub by each way."""
    return {"hub": full_hub.socket} if request.param == "unix" else full_hub.mtls("consumer")
