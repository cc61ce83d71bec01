"""Bodies of the admin API, asked and answered, and how its handlers are routed."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gateway.http import Response

# Method, path, and a handler of operator, body, query and the path's named groups.
Route = tuple[str, re.Pattern[str], Callable[..., Awaitable[Response]]]


class InvalidBody(Exception):
    """Not the document that the operation takes."""


def decoded(body: bytes, kind: type[Any]) -> Any:
    """The document in `body`, nothing of which may be unknown; InvalidBody."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidBody(f"the body is no {kind.__name__}: {error}") from error


def json_answer(content: object, status: int = 200) -> Response:
    """A document in JSON."""
    body = msgspec.json.encode(content) + b"\n"
    return Response(status, {"Content-Type": "application/json"}, body)
