"""A fast reader of documents that are a long list of flat records; agrees with the full reader.

`CompleteMultipartUpload` of 10,000 parts and `Delete` of 1,000 keys are such documents, and clients
write them in one plain form. One regular expression takes that form apart in C; for any other form
`scan` answers None, and the full reader decides. Most programs write every record alike: then what
stands between the values of the first one is the expression for all.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from gateway.wire.documents import (
    Document,
    DocumentT,
    Field,
    fields_of,
    integer,
    integers,
    root_name,
)
from ocean.errors import MalformedXML

MIN_SIZE = 2048  # below, the full reader is as fast
MAX_VALUES = 4  # elements of one record
MAX_FIXED = 512  # characters of one record beside its values, if all shall be read by it

_SPACE = r"[ \t\r\n]*"
_TEXT = r"[^<\x00-\x08\x0b-\x1f\ufffe\uffff]*"
_PROLOG = r"""(?:<\?xml version=["']1\.0["'](?: encoding=["'][Uu][Tt][Ff]-8["'])? ?\?>)?"""
_QUOTES = ("&quot;", "&#34;")
_ENTITIES = (
    ("&quot;", '"'), ("&#34;", '"'), ("&apos;", "'"), ("&#39;", "'"),
    ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"),
)  # fmt: skip

_Convert = Callable[[str], Any]


class _Plan(NamedTuple):
    """How a list document is read: its frame, its pieces, and the fields of both levels."""

    frame: re.Pattern[str]
    pieces: re.Pattern[str]
    rows: str
    record: type[Document]
    record_fields: dict[str, tuple[str, _Convert]]
    root_fields: dict[str, tuple[str, _Convert]]


def scan(kind: type[DocumentT], data: bytes) -> DocumentT | None:
    """The document, or None if it is not in the plain form. Raises MalformedXML for its values."""
    if len(data) < MIN_SIZE:
        return None
    plan = _plan(kind)
    text = _plain(data) if plan else None
    if plan is None or text is None:
        return None
    framed = plan.frame.match(text)
    if framed is None:
        return None
    end = text.rfind("</")
    if re.fullmatch(rf"</{root_name(kind)}{_SPACE}>{_SPACE}", text[end:]) is None:
        return None
    body = text[framed.end() : end]
    for quote in _QUOTES:
        body = body.replace(quote, '"')
    rows = _alike(plan, body)
    if rows is not None:
        return kind(**{plan.rows: rows})
    pieces = plan.pieces.findall(body)
    if sum([len(piece[0]) for piece in pieces]) != len(body):
        return None  # something between the pieces is none
    return _build(kind, plan, pieces)


def _plain(data: bytes) -> str | None:
    """The text, if nothing in it needs more than the five named entities and quotes by number."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if "]]>" in text:
        return None
    references = text.count("&")
    if references and references != sum(map(text.count, _QUOTES)):
        return text if references == sum(text.count(name) for name, _ in _ENTITIES) else None
    return text


def _alike(plan: _Plan, body: str) -> tuple[Document, ...] | None:
    """The records, if there is nothing else and all are written as the first is.

    The matches do not overlap, so they are the whole body if they are as long as it.
    """
    first = plan.pieces.match(body)
    if first is None or not first[2]:
        return None
    groups = [group for group in range(3, 3 + 2 * MAX_VALUES, 2) if first[group]]
    fields = [plan.record_fields.get(first[group]) for group in groups]
    if None in fields or len(set(fields)) < len(fields):
        return None
    literals = _between(body, [first.span(group + 1) for group in groups], first.end())
    fixed = sum(map(len, literals))
    if fixed > MAX_FIXED:
        return None
    found = re.findall(f"({_TEXT})".join(map(re.escape, literals)), body)
    texts = [found] if len(groups) == 1 else [list(column) for column in zip(*found, strict=True)]
    if fixed * len(found) + sum([sum(map(len, column)) for column in texts]) != len(body):
        return None
    if "&" in body:
        texts = [list(map(_unescape, column)) for column in texts]
    return _records(plan.record, [field for field in fields if field], texts)


def _between(text: str, spans: list[tuple[int, int]], end: int) -> list[str]:
    """What stands between `spans` of a text, before the first and behind the last up to `end`."""
    edges = [0, *[at for span in spans for at in span], end]
    return [text[start:stop] for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _records(
    record: type[Document], fields: list[tuple[str, _Convert]], texts: list[list[str]]
) -> tuple[Document, ...]:
    """Records of the columns `texts`; MalformedXML."""
    names = [name for name, _ in fields]
    columns = [
        _converted(convert, column) for (_, convert), column in zip(fields, texts, strict=True)
    ]
    try:
        if len(names) == 2:  # most have two, and a display of two makes half the work
            one, other = names
            return tuple([record(**{one: a, other: b}) for a, b in zip(*columns, strict=True)])
        rows = zip(*columns, strict=True)
        return tuple([record(**dict(zip(names, row))) for row in rows])  # noqa: B905 - they do fit
    except TypeError:
        raise MalformedXML from None  # a required element is missing


def _converted(convert: _Convert, column: list[str]) -> list[Any]:
    if convert is str:
        return column
    return integers(column) if convert is integer else list(map(convert, column))


def _build(kind: type[DocumentT], plan: _Plan, pieces: list[tuple[str, ...]]) -> DocumentT | None:
    record, fields = plan.record, plan.record_fields
    rows = []
    root: dict[str, Any] = {}
    try:
        for piece in pieces:
            if piece[1]:
                rows.append(record(**_values(fields, piece)))
            else:
                values = _values(plan.root_fields, (*piece[:2], *piece[-2:], ""))
                if not values.keys().isdisjoint(root):
                    return None
                root |= values
        if not rows:
            return None
        return kind(**root, **{plan.rows: tuple(rows)})
    except KeyError:
        return None  # an element unknown or twice: the full reader knows what that means
    except TypeError:
        raise MalformedXML from None  # a required element is missing


def _values(fields: dict[str, tuple[str, _Convert]], piece: tuple[str, ...]) -> dict[str, Any]:
    """The fields of one record from alternating names and texts that begin at piece[2]."""
    values: dict[str, Any] = {}
    at = 2
    while name := piece[at]:
        attribute, convert = fields[name]
        text = piece[at + 1]
        if "&" in text:
            text = _unescape(text)
        values[attribute] = text if convert is str else convert(text)
        at += 2
    if len(values) * 2 != at - 2:
        raise KeyError
    return values


def _unescape(text: str) -> str:
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text


@cache
def _plan(kind: type[Document]) -> _Plan | None:
    fields = fields_of(kind)
    rows = [f for f in fields if f.repeated and not f.wrapper and issubclass(f.kind, Document)]
    others = [f for f in fields if f not in rows]
    if (
        len(rows) != 1
        or not all(map(_flat, others))
        or not all(map(_flat, fields_of(rows[0].kind)))
    ):
        return None
    (row,) = rows
    pair = rf"<([A-Za-z0-9]+)>({_TEXT})</\{{}}>{_SPACE}"
    first, *more = (pair.format(group) for group in range(3, 3 + 2 * MAX_VALUES, 2))
    values = first + "".join(f"(?:{one}" for one in more) + ")?" * len(more)
    record = rf"(<{row.name}>{_SPACE}{values}</{row.name}>{_SPACE})"
    other = pair.format(3 + 2 * MAX_VALUES)
    return _Plan(
        frame=re.compile(rf'{_PROLOG}{_SPACE}<{root_name(kind)}(?: xmlns="[^"<&]*")?>{_SPACE}'),
        pieces=re.compile(f"({record}|{other})"),
        rows=row.attribute,
        record=row.kind,
        record_fields=_by_name(fields_of(row.kind)),
        root_fields=_by_name(tuple(others)),
    )


def _flat(field: Field) -> bool:
    return not (field.repeated or field.in_tag or issubclass(field.kind, Document))


def _by_name(fields: tuple[Field, ...]) -> dict[str, tuple[str, _Convert]]:
    return {f.name: (f.attribute, f.converter()) for f in fields}
