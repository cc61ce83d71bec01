"""Two network namespaces of our own: the servers in one, and before it a router that loses packets.

What the router is told to lose vanishes without a word, or is refused at once, in one direction or
in both; the machine's own network is not touched.
"""

import os
import subprocess
from itertools import count
from typing import Self

_numbers = count()
REQUESTS, ANSWERS = "requests", "answers"
VANISH, REFUSE = "blackhole", "unreachable"


class Network:
    """Usable as a context manager, which makes it and takes it away."""

    def __init__(self) -> None:
        number = next(_numbers)
        name = f"ocean-{os.getpid()}-{number}"
        self._router, self._inside = f"{name}-router", f"{name}-servers"
        self._link = f"oc{os.getpid() % 1_000_000}x{number}"
        self._net = f"10.{100 + number}.{os.getpid() % 250}"
        self.client = f"{self._net}.1"
        self.addresses = [f"{self._net}.{last}" for last in (130, 131)]  # of the servers

    def under(self) -> list[str]:
        """What to put before a command, for it to run where the servers are."""
        return ["ip", "netns", "exec", self._inside]

    def lose(self, address: str, *, what: str, how: str) -> None:
        """Lose the requests to an address, or all answers to us: those of both addresses."""
        target = address if what == REQUESTS else self.client
        _ip("-n", self._router, "route", "replace", how, f"{target}/32")

    def heal(self) -> None:
        """Lose nothing any more."""
        for target in (*self.addresses, self.client):
            for how in (VANISH, REFUSE):
                _ip("-n", self._router, "route", "del", how, f"{target}/32", check=False)

    def __enter__(self) -> Self:
        router, inside, link, net = self._router, self._inside, self._link, self._net
        for name in (router, inside):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        try:
            _ip("link", "add", f"{link}a", "type", "veth", "peer", f"{link}b", "netns", router)
            _ip("-n", router, "link", "add", f"{link}c", "type", "veth", "peer", f"{link}d",
                "netns", inside)  # fmt: skip
            _ip("addr", "add", f"{net}.1/30", "dev", f"{link}a")
            _ip("-n", router, "addr", "add", f"{net}.2/30", "dev", f"{link}b")
            _ip("-n", router, "addr", "add", f"{net}.129/29", "dev", f"{link}c")
            for address in self.addresses:
                _ip("-n", inside, "addr", "add", f"{address}/29", "dev", f"{link}d")
            _ip("link", "set", f"{link}a", "up")
            for name, end in ((router, "b"), (router, "c"), (inside, "d")):
                _ip("-n", name, "link", "set", f"{link}{end}", "up")
            _ip("route", "add", f"{net}.128/29", "via", f"{net}.2")
            _ip("-n", inside, "route", "add", "default", "via", f"{net}.129")
            forward = ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]
            _ip("netns", "exec", router, *forward)
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def _remove(self) -> None:
        _ip("link", "del", f"{self._link}a", check=False)
        for name in (self._inside, self._router):
            _ip("netns", "del", name, check=False)


def _ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
