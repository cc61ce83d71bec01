"""Answers of the admin API."""

import msgspec

from gateway.http import Response


def json_answer(status: int, content: object) -> Response:
    """A document in JSON."""
    body = msgspec.json.encode(content) + b"\n"
    return Response(status, {"Content-Type": "application/json"}, body)
