"""The same requests through nginx and HAProxy: Ocean sees no request that the proxy did not see.

The proxies mark each request that they forward, and keep connections to Ocean for the next ones. A
request without the mark was smuggled; an answer of another request than the one that was asked
means that the two have counted differently.
"""

import asyncio
import gc
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.fronts import bare
from gateway.http import Request, Response
from gateway.sockets import bind
from ocean.config.schema import Limits
from ocean.errors import S3Error
from tests.support.smuggling import CASES

pytestmark = pytest.mark.nightly(part="attacks")

END = b"GET /end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
CANARY = b"GET /canary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream ocean {{ server 127.0.0.1:{upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port}; ignore_invalid_headers off; underscores_in_headers on;
    merge_slashes off;
    location / {{
      proxy_pass http://ocean; proxy_http_version 1.1; proxy_request_buffering {buffering};
      proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_set_header X-Seen 1;
    }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 10s
  timeout client 10s
  timeout server 10s
  http-reuse always
frontend front
  bind 127.0.0.1:{port}
  http-request set-header X-Seen 1
  default_backend ocean
backend ocean
  server ocean 127.0.0.1:{upstream}
"""


class Proxy(NamedTuple):
    """A program, its configuration, and how it is started with the file of it."""

    program: str
    configuration: str
    arguments: tuple[str, ...]
    buffering: str = "on"


PROXIES = {
    "nginx": Proxy("nginx", NGINX, ("-p", "{folder}", "-c", "{file}")),
    "nginx-unbuffered": Proxy("nginx", NGINX, ("-p", "{folder}", "-c", "{file}"), "off"),
    "haproxy": Proxy("haproxy", HAPROXY, ("-db", "-f", "{file}")),
}


class Recorder:
    """Notes target and mark of each request, and answers with the target."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []

    async def __call__(self, request: Request) -> Response:
        self.seen.append((request.target, request.headers.get("x-seen")))
        await request.proceed()
        try:
            async for _ in request.body:
                pass
        except S3Error as error:
            return Response(error.status, {})
        return Response(200, {"x-target": request.target})


@pytest.fixture(params=sorted(PROXIES))
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A running proxy: its port, and the port that it forwards to."""
    kind = PROXIES[request.param]
    program = shutil.which(kind.program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        pytest.skip(f"{kind.program} is not installed")
    with bind("127.0.0.1", 0) as one, bind("127.0.0.1", 0) as two:
        port, upstream = one.getsockname()[1], two.getsockname()[1]
    file = tmp_path / "configuration"
    file.write_text(
        kind.configuration.format(
            folder=tmp_path, port=port, upstream=upstream, buffering=kind.buffering
        )
    )
    arguments = [part.format(folder=tmp_path, file=file) for part in kind.arguments]
    process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL)
    yield port, upstream
    process.terminate()
    process.wait(10)


async def exchange(port: int, raw: bytes, seconds: float) -> bytes:
    """All that comes back until the proxy closes, in this time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    received = b""
    try:
        async with asyncio.timeout(seconds):
            while piece := await reader.read(65536):
                received += piece
    except (TimeoutError, ConnectionResetError):
        pass
    finally:
        writer.close()
    return received


async def ready(port: int) -> None:
    for _ in range(100):
        try:
            if b"/canary" in await exchange(port, CANARY, 1):
                return
        except OSError:
            await asyncio.sleep(0.05)
    raise AssertionError("the proxy does not answer")


@pytest.mark.timeout(900)
async def test_no_request_passes_by_the_proxy(
    proxy: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    port, upstream = proxy
    recorder = Recorder()
    front = bare.Front(recorder, Limits(body_seconds=1, header_seconds=1))
    await front.listen(bind("127.0.0.1", upstream))
    await ready(port)
    for case in CASES:
        recorder.seen.clear()
        await exchange(port, case.raw + END, 0.4)  # or it falls silent
        unmarked = [target for target, mark in recorder.seen if mark != "1"]
        assert not unmarked, (case.name, recorder.seen)
        for _ in range(2):
            answer = await exchange(port, CANARY, 10)
            assert answer.startswith(b"HTTP/1.1 200"), (case.name, answer)
            assert b"x-target: /canary\r\n" in answer, (case.name, answer)
    await front.drain(0)
    gc.collect()  # a task that failed is told of at its end
    assert caplog.text == ""
