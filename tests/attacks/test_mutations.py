"""Right requests with bytes changed at random: an answer that blames the client, and soon.

The seed is printed with a failure, and one run with it repeats the same requests.
"""

import asyncio
import logging
import os
import random
from typing import NamedTuple

import pytest

from ocean.config.schema import Limits
from tests.support.documents import ENABLED
from tests.support.inprocess import HOST, InProcess
from tests.support.posting import TYPE, Form, sign_v4
from tests.support.signing import FORMS, Choices, Headers, by_header
from tests.support.smuggling import CASES

REQUESTS = [
    ("GET", "/", b""),
    ("GET", "/bucket/key", b""),
    ("HEAD", "/bucket/key", b""),
    ("PUT", "/bucket/other", b"hello"),
    ("DELETE", "/bucket/other", b""),
    ("GET", "/bucket/key?partNumber=1", b""),
    ("GET", "/bucket?list-type=2&prefix=a&delimiter=/&encoding-type=url&max-keys=3", b""),
    ("GET", "/bucket?versions&key-marker=a", b""),
    ("GET", "/bucket?uploads&max-uploads=3", b""),
    ("POST", "/bucket/other?uploads", b""),
    ("POST", "/bucket?delete", b"<Delete><Object><Key>a</Key></Object></Delete>"),
    ("PUT", "/bucket?versioning", ENABLED),
    ("PUT", "/bucket/key?tagging",
     b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
    ("OPTIONS", "/bucket/key", b""),
]  # fmt: skip
EXTRA = {"range": "bytes=0-3", "origin": "http://a", "access-control-request-method": "GET"}
TOKENS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b"\t",
        b":",
        b"%",
        b"%00",
        b"%ff",
        b"=",
        b"&",
        b"?",
        b"/",
    ),
    *(b"..", b"-1", b"9" * 30, b"\xff", b"\xed\xa0\x80", b"\xc4\xb0", b"'", b'"', b",", b";", b"<"),
    *(b">", b"&#0;", b"a" * 3000, b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Expect: 100-continue\r\n", b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n"),
]


class Mutator(NamedTuple):
    """Changes bytes as its dice fall."""

    dice: random.Random

    def __call__(self, raw: bytes) -> bytes:
        data = bytearray(raw)
        for _ in range(self.dice.choice((1, 1, 1, 2, 3, 6))):
            at = self.dice.randrange(len(data) + 1)
            kind = self.dice.randrange(5)
            if kind == 0:
                data[at:at] = self.dice.choice(TOKENS)
            elif kind == 1:
                data[at : at + self.dice.randrange(1, 12)] = b""
            elif kind == 2 and at < len(data):
                data[at] ^= 1 << self.dice.randrange(8)
            elif kind == 3:
                data[at : at + self.dice.randrange(1, 8)] = self.dice.choice(TOKENS)
            else:
                start = self.dice.randrange(len(data) + 1)
                data[at:at] = data[start : start + self.dice.randrange(40)]
        return bytes(data)


def raw(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + body


def originals() -> list[bytes]:
    """Requests signed in every form, a form, and those that are wrong by themselves."""
    found = [case.raw for case in CASES if len(case.raw) < 4000]
    for method, target, body in REQUESTS:
        headers = EXTRA | {"content-length": str(len(body))}
        found += [
            raw(method, *sign(method, target, headers, Choices()), body) for sign in FORMS.values()
        ]
    form = Form(sign_v4({"key": "k"}, Choices())).body
    headers = {"host": HOST, "content-type": TYPE, "content-length": str(len(form))}
    return [*found, raw("POST", "/bucket", headers, form)]


async def answer(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(-1), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def attack(count: int, caplog: pytest.LogCaptureFixture) -> None:
    """Send so many mutations; none may fail inside, hang or be logged as an error."""
    caplog.set_level(logging.ERROR)
    seed = int(os.environ.get("OCEAN_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    mutate = Mutator(random.Random(seed))
    gateway = await InProcess.begin()
    for target in ("/bucket", "/bucket/key"):
        assert (await gateway.ask("PUT", *by_header("PUT", target, {}, Choices()))).status == 200
    limits = Limits(body_seconds=1, header_seconds=1, idle_seconds=1)
    async with gateway.listening(limits) as port:
        for _ in range(count // 500):
            requests = originals()  # signed anew, before they are too old
            for _ in range(125):
                batch = [mutate(mutate.dice.choice(requests)) for _ in range(4)]
                answers = await asyncio.gather(*(answer(port, data) for data in batch))
                for data, got in zip(batch, answers, strict=True):
                    assert b"HTTP/1.1 500" not in got, (seed, data, got)
                    assert not caplog.records, (seed, batch, caplog.text)


@pytest.mark.slow
async def test_two_thousand_mutations(caplog: pytest.LogCaptureFixture) -> None:
    await attack(2_000, caplog)


@pytest.mark.nightly(part="attacks")
@pytest.mark.timeout(1800)
async def test_three_hundred_thousand_mutations(caplog: pytest.LogCaptureFixture) -> None:
    await attack(300_000, caplog)
