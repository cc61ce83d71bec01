"""Binds a request's headers, query and body to an input struct, and an output struct to an answer.

Pure. Every declared member is reached by its wire name, and an error names the header or parameter.

    class UploadPartInput(Input):
        part_number: Annotated[int, Query("partNumber", between=(1, 10_000))]
        content_md5: Annotated[str | None, Header("Content-MD5")] = None

A field without a default is required. Types: str, int (ASCII digits), bool, a Literal of strings,
a tuple of them (separated by commas) and datetime: the date of a condition, None if it is no HTTP
date (RFC 9110 13.1.3).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from gateway.wire import dates
from gateway.wire.documents import without_none
from gateway.wire.shape import Shape
from gateway.wire.xml import decode, encode
from ocean.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
    MaxMessageLengthExceeded,
    MissingRequestBodyError,
    S3Error,
)

# Marks are of classes, not tuples: typing takes two equal annotations for one.


@dataclass(frozen=True, slots=True)
class Header:
    """The field is this header. `message` replaces the one for a value that is not allowed."""

    name: str
    between: tuple[int, int] = (0, 2**63 - 1)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """The field is this parameter of the query."""

    name: str
    between: tuple[int, int] = (0, 2**31 - 1)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Headers:
    """The field is a dict of the headers with this prefix (lower case), keyed by the rest."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Body:
    """The field is the document in the body, of at most `limit` bytes; of type str, its text.

    In an output it is the document, or bytes that hold one already written.
    """

    limit: int = 64 << 10
    missing: type[S3Error] = MissingRequestBodyError
    malformed: type[S3Error] = MalformedXML


@dataclass(frozen=True, slots=True)
class Payload:
    """The field of an output is a stream of bytes that is sent as the body, of this type if any."""

    media_type: str = ""


@dataclass(frozen=True, slots=True)
class Length:
    """The field of an output is the length of the stream; of HEAD, what GET would send."""


@dataclass(frozen=True, slots=True)
class Status:
    """The field of an output is the status that replaces the operation's own."""


class Input(Shape):
    """What an operation takes beside bucket, key and a streamed body."""


class Output(Shape):
    """What an operation answers."""


class Rendered(NamedTuple):
    """An output on the wire; names of headers in lower case."""

    status: int | None
    headers: dict[str, str]
    body: bytes = b""
    stream: Any = None
    length: int | None = None


_Convert = Callable[[str], Any]
Bind = Callable[[Mapping[str, str], Mapping[str, str], bytes | None], Any]
Render = Callable[[Any], Rendered]


class Member(NamedTuple):
    """One field of an input or output: its name, its mark and its type without None."""

    attribute: str
    mark: Any
    kind: Any
    required: bool


_MARKS = (Header, Query, Headers, Body, Payload, Length, Status)


def members(kind: type[msgspec.Struct]) -> tuple[Member, ...]:
    """The fields of an input or output type in the order of their declaration."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for field in msgspec.structs.fields(kind):
        hint = hints[field.name]
        inner, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        mark = next((m for m in marks if isinstance(m, _MARKS)), None)
        if mark is None:
            raise TypeError(f"{kind.__name__}.{field.name} says not where it is on the wire")
        found.append(Member(field.name, mark, without_none(inner), field.required))
    return tuple(found)


# --- input ----------------------------------------------------------------------------------------


def binder(kind: type[Input]) -> Bind:
    """Compile `kind` to a function of headers (lower-case names), query and body.

    The function looks each header of the request up once, so fields that are declared and not
    sent cost nothing. It raises S3Error only.
    """
    declared = members(kind)
    headers = {m.mark.name.lower(): _slot(m) for m in _marked(declared, Header)}
    queries = {m.mark.name: _slot(m) for m in _marked(declared, Query)}
    parameters = frozenset(queries)
    prefixed = [(m.mark.prefix, m.attribute) for m in _marked(declared, Headers)]
    body = next(iter(_marked(declared, Body)), None)
    required = {m.attribute: m.mark for m in declared if m.required and m is not body}

    def bind(given: Mapping[str, str], query: Mapping[str, str], data: bytes | None) -> Any:
        values: dict[str, Any] = {}
        _take(values, headers, given)
        for prefix, attribute in prefixed:
            start = len(prefix)
            found = {n[start:]: text for n, text in given.items() if n.startswith(prefix)}
            if found:
                values[attribute] = found
        if not parameters.isdisjoint(query):
            _take(values, queries, query)
        if body is not None:
            values[body.attribute] = _document(body, data)
        for attribute, mark in required.items():
            if attribute not in values:
                raise _missing(mark)
        return kind(**values)

    return bind


def _take(
    values: dict[str, Any],
    slots: dict[str, tuple[str, _Convert | None]],
    given: Mapping[str, str],
) -> None:
    """Put what is declared of `given` into `values`."""
    for name, text in given.items():
        slot = slots.get(name)
        if slot is not None:
            attribute, convert = slot
            values[attribute] = text if convert is None else convert(text)


def _marked(declared: tuple[Member, ...], mark: type) -> list[Member]:
    return [member for member in declared if isinstance(member.mark, mark)]


def _slot(member: Member) -> tuple[str, _Convert | None]:
    return member.attribute, _converter(member.kind, member.mark)


def _converter(kind: Any, mark: Header | Query) -> _Convert | None:
    """Text to value; None for text as it is."""
    if kind is str:
        return None
    if kind is int:
        return partial(_integer, mark)
    if kind is bool:
        return partial(_choice, mark, {"true": True, "false": False})
    if kind is datetime:
        return _date
    if get_origin(kind) is Literal:
        return partial(_choice, mark, {choice: choice for choice in get_args(kind)})
    if get_origin(kind) is tuple:
        return partial(_list, _converter(get_args(kind)[0], mark))
    raise TypeError(f"{mark.name}: {kind} has no form in a header or query")


_DIGITS = re.compile(r"[0-9]{1,19}")


def _integer(mark: Header | Query, text: str) -> int:
    low, high = mark.between
    if _DIGITS.fullmatch(text) is not None and low <= (value := int(text)) <= high:
        return value
    raise invalid(
        mark.name, text, mark.message or f"{mark.name} must be an integer between {low} and {high}"
    )


def _choice(mark: Header | Query, choices: dict[str, Any], text: str) -> Any:
    value = choices.get(text)
    if value is None:
        value = choices.get(text.lower()) if True in choices.values() else None
    if value is None:
        raise invalid(mark.name, text, mark.message or f"The value of {mark.name} is not allowed")
    return value


def _date(text: str) -> datetime | None:
    seconds = dates.parse_http(text)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _list(convert: _Convert | None, text: str) -> tuple[Any, ...]:
    words = [word for word in (part.strip() for part in text.split(",")) if word]
    return tuple(words if convert is None else map(convert, words))


def _document(body: Member, data: bytes | None) -> Any:
    if data:
        try:
            if body.kind is str:
                return _text(data, body.mark.limit)
            return decode(body.kind, data, limit=body.mark.limit)
        except MalformedXML as error:
            raise body.mark.malformed from error
    if body.required:
        raise body.mark.missing
    return None


def _text(data: bytes, limit: int) -> str:
    if len(data) > limit:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=str(limit))
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedXML from None


def invalid(name: str, value: str, message: str) -> S3Error:
    """InvalidArgument as S3 words it: with the argument's name and value as elements."""
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=value)


def _missing(mark: Header | Query) -> S3Error:
    if isinstance(mark, Query):
        return invalid(mark.name, "", f"This operation requires the parameter {mark.name}")
    return InvalidRequest(f"Missing required header for this request: {mark.name}")


# --- output ---------------------------------------------------------------------------------------


def renderer(kind: type[Output]) -> Render:
    """Compile `kind` to a function that gives status, headers, body and stream of an output.

    A field that is None is left out.
    """
    declared = members(kind)
    headers = _marked(declared, Header)
    texts = [(m.mark.name.lower(), _TEXT[m.kind if m.kind in _TEXT else str]) for m in headers]
    values = _getter([m.attribute for m in headers])
    prefixed = [(m.mark.prefix, m.attribute) for m in _marked(declared, Headers)]
    body = _one(declared, Body)
    kinds = [m.mark.media_type for m in _marked(declared, Payload) if m.mark.media_type]
    fixed = {"content-type": kinds[0]} if kinds else {}
    special = _getter([_one(declared, mark) for mark in (Status, Payload, Length)])

    def render(output: Any) -> Rendered:
        answer = {
            name: value if text is None else text(value)
            for (name, text), value in zip(texts, values(output), strict=True)
            if value is not None
        }
        for prefix, attribute in prefixed:
            for name, value in (getattr(output, attribute) or {}).items():
                answer[prefix + name] = value
        document = b""
        if body and (given := getattr(output, body)) is not None:
            document = given if isinstance(given, bytes) else encode(given)
            answer["content-type"] = "application/xml"
        answer.update(fixed)
        status, stream, length = special(output)
        if body and stream is not None:
            answer["content-type"] = "application/xml"  # the document comes piece by piece
        return Rendered(status, answer, document, stream, length)

    return render


@lru_cache(maxsize=4096)
def _http_date(moment: datetime) -> str:
    return dates.http(moment.timestamp())


_TEXT: dict[type, Callable[[Any], str] | None] = {
    str: None,
    int: str,
    bool: lambda value: "true" if value else "false",
    datetime: _http_date,
}


def _getter(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Several attributes at once; None for one without a name."""
    if all(attributes) and len(attributes) > 1:
        return attrgetter(*attributes)
    return lambda output: tuple([getattr(output, name) if name else None for name in attributes])


def _one(declared: tuple[Member, ...], mark: type) -> str:
    """The attribute with this mark, or an empty name."""
    return next((member.attribute for member in _marked(declared, mark)), "")


def render_nothing(_: Any) -> Rendered:
    """The answer of an operation without output."""
    return Rendered(None, {})
