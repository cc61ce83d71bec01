"""Answers that take longer than clients wait: status 200 at once, white space, then the document.

S3 does so for CompleteMultipartUpload and says that the document may then be an error.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from gateway import failures
from gateway.context import Context
from gateway.wire.documents import Document
from gateway.wire.xml import DECLARATION, encode
from ocean.errors import InternalError

PATIENCE = 10.0  # seconds until an answer begins without its end
INTERVAL = 5.0  # seconds between spaces

T = TypeVar("T")
log = logging.getLogger(__name__)


async def ended(work: "asyncio.Task[T]") -> bool:
    """Whether `work` ends before the client grows impatient; it goes on in any case."""
    done, _ = await asyncio.wait({work}, timeout=PATIENCE)
    return bool(done)


async def answer(
    cx: Context, work: "asyncio.Task[T]", document: Callable[[T], Document]
) -> AsyncIterator[bytes]:
    """The declaration, spaces while `work` goes on, and its document or error."""
    yield DECLARATION.encode()
    while not work.done():
        yield b" "
        await asyncio.wait({work}, timeout=INTERVAL)
    try:
        body = encode(document(work.result()))
    except Exception as error:  # the status is sent: only the document can tell
        known = failures.translated(error)
        if known is None:
            log.exception("request %s failed", cx.request_id, exc_info=error)
        body = failures.body(known or InternalError(), cx.target.raw_path, cx.request_id)
    yield body.removeprefix(DECLARATION.encode())
