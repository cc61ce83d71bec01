"""What a process knows of the memcached servers."""

import pytest

from metastore.cache.memcached import Memcached
from metastore.cache.view import Server, Slot, View
from metastore.memory import MemoryEngine


def slot(address: str, generation: int) -> Slot:
    return Slot(Server(address, generation), Memcached("127.0.0.1", 1), 0)


def test_a_generation_is_told_apart_whatever_the_address() -> None:
    for address in ("127.0.0.1:11211", "a" * 200 + ":11211"):
        assert slot(address, 1).space != slot(address, 2).space
        assert slot(address, 1).space == slot(address, 1).space


@pytest.mark.slow
async def test_servers_begin_anew_when_the_list_changes() -> None:
    view = View(MemoryEngine())
    first = await view.use(["a:1"])
    assert [(server.address, server.out) for server in first] == [("a:1", False)]
    assert await view.use(["a:1"]) == first
    assert await view.add(["b:1"]) == ("a:1", "b:1")
    both = {server.address: server for server in await view.servers()}
    assert both["a:1"].generation != first[0].generation
    assert await view.use([]) == ()
    assert await view.servers() == ()
