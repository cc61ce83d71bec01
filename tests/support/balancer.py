"""haproxy before several servers: each request goes to the next of them.

Each on a connection of its own: who was refused instead of told to go on with a body (Expect) does
not send it, and haproxy would take the next request for it.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import free_ports, wait_for_port
from tests.support.server import Server

_CONFIGURATION = """
global
  tune.bufsize 131072
  tune.http.maxhdr 1000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option httpclose
  option accept-invalid-http-request
frontend front
  bind 127.0.0.1:{port}
  default_backend ocean
backend ocean
  balance roundrobin
{servers}
"""


@contextmanager
def balanced(folder: Path, servers: Sequence[Server]) -> Iterator[str]:
    """The URL of a balancer; AssertionError when it does not start."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program is not None, "haproxy is missing; .ci/run installs what tests need"
    [port] = free_ports(1)
    lines = "\n".join(f"  server s{n} {one.host}" for n, one in enumerate(servers))
    file = folder / "haproxy.cfg"
    file.write_text(_CONFIGURATION.format(port=port, servers=lines))
    process = subprocess.Popen([program, "-db", "-q", "-f", str(file)])
    try:
        wait_for_port(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
