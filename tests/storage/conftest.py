"""Stores on loopback: each is started once, where a test asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import servers


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """`started(kind)`: the one server of this kind."""
    running: dict[str, Any] = {}

    def get(kind: str) -> Any:
        if kind not in running:
            running[kind] = servers.KINDS[kind](tmp_path_factory.mktemp(kind))
        return running[kind]

    yield get
    for store in running.values():
        store.end()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A folder in the store for one test."""
    return re.sub(r"\W+", "-", request.node.name).strip("-")
