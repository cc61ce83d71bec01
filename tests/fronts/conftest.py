"""Tests of fronts run on both loops: the server's is uvloop, whose transports differ."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

Loops = dict[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Loops:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
