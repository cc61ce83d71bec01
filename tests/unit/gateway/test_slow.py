"""Answers that begin before their work has ended."""

import asyncio
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gateway.ops import slow
from gateway.ops.shapes.buckets import VersioningConfiguration
from gateway.wire.documents import Document
from ocean.errors import InvalidPart

CONTEXT: Any = SimpleNamespace(request_id="R1", target=SimpleNamespace(raw_path="/b/k"))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow, "PATIENCE", 0.01)
    monkeypatch.setattr(slow, "INTERVAL", 0.01)


def enabled(_result: object) -> Document:
    return VersioningConfiguration(status="Enabled")


async def gathered(work: "asyncio.Task[None]") -> bytes:
    return b"".join([piece async for piece in slow.answer(CONTEXT, work, enabled)])


async def test_quick_work_is_answered_as_usual() -> None:
    work = asyncio.create_task(asyncio.sleep(0))
    assert await slow.ended(work)


async def test_spaces_come_before_the_document() -> None:
    enough = asyncio.Event()
    work = asyncio.create_task(enough.wait())
    assert not await slow.ended(work)
    text = b""
    async for piece in slow.answer(CONTEXT, work, enabled):
        text += piece
        if text.count(b" ") > 5:
            enough.set()
    assert text.startswith(b"<?xml")
    assert text.count(b"<?xml") == 1
    assert text.count(b" ") > 5
    assert ET.fromstring(text)[0].text == "Enabled"


async def test_a_late_error_is_the_document() -> None:
    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise InvalidPart(PartNumber="7")

    work = asyncio.create_task(fail())
    assert not await slow.ended(work)
    root = ET.fromstring(await gathered(work))
    assert [root.findtext(name) for name in ("Code", "PartNumber", "RequestId")] == [
        "InvalidPart",
        "7",
        "R1",
    ]


async def test_what_is_unknown_is_an_internal_error() -> None:
    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise KeyError("a fault of ours")

    work = asyncio.create_task(fail())
    await slow.ended(work)
    text = await gathered(work)
    assert ET.fromstring(text).findtext("Code") == "InternalError"
    assert b"a fault of ours" not in text
