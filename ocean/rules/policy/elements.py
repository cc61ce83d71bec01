"""Elements of a policy's JSON, checked as they are read. Pure: bad ones are MalformedPolicy."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from ocean.errors import MalformedPolicy, S3Error


def load(text: str) -> dict[str, Any]:
    """The JSON object of a text, in which no field is twice. Numbers are the text they are."""
    if not text.startswith("{"):
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
    try:
        loaded = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse,
        )
        json.dumps(loaded, ensure_ascii=False).encode()  # half a character is none
    except (ValueError, RecursionError):
        raise MalformedPolicy("This policy contains invalid Json") from None
    return mapping(loaded)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field is twice")
    return fields


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def mapping(value: object) -> dict[str, Any]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise _syntax()
    return value


def known(fields: Mapping[str, Any], names: frozenset[str]) -> None:
    """Raise MalformedPolicy for a field of another name."""
    for name in fields:
        if name not in names:
            raise MalformedPolicy(f"Unknown field {name}")


def required(fields: Mapping[str, Any], name: str) -> Any:
    """The value of a field that must be there."""
    if name not in fields:
        raise MalformedPolicy(f"Missing required field {name}")
    return fields[name]


def either(fields: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """The value of the field or of its negation, `Action` or `NotAction`, and which it was."""
    negation = f"Not{name}"
    if negation not in fields:
        return required(fields, name), False
    if name in fields:
        raise _syntax()
    return fields[negation], True


def text(value: object) -> str:
    """The value, which must be a string (or a number)."""
    if not isinstance(value, str):
        raise _syntax()
    return value


def texts(value: object) -> tuple[str, ...]:
    """The strings of a list that is not empty, or the one string."""
    found = tuple(map(text, value if isinstance(value, list) else [value]))
    if not found:
        raise _syntax()
    return found


def _syntax() -> S3Error:
    return MalformedPolicy("Invalid policy syntax.")
