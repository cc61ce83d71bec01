"""XML of documents: `decode(Type, encode(x)) == x`; bad data raises only S3Error.

See `gateway.wire.documents` for how a struct names its elements.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, NoReturn
from xml.parsers import expat

from gateway.wire.documents import (
    Attribute,
    Document,
    DocumentT,
    Element,
    Elements,
    Field,
    fields_of,
    root_name,
)
from gateway.wire.scan import scan
from ocean.errors import MalformedXML, MaxMessageLengthExceeded

__all__ = ["Attribute", "Document", "Element", "Elements", "decode", "encode", "escape"]

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
MAX_DEPTH = 16
MAX_ELEMENTS = 1 << 17  # 10,000 parts of a CompleteMultipartUpload with every checksum fit

# What text cannot hold as it is. AWS writes what XML 1.0 forbids as a character reference (&#x1;)
# so that no key is unlistable; CR is written so because a reader would turn it into LF.
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]')
_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text: str) -> str:
    """Text as XML character data or an attribute's value."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    char = match[0]
    return _NAMED.get(char) or f"&#x{ord(char):x};"


def timestamp(moment: datetime) -> str:
    """`2026-01-02T03:04:05.678Z`, as S3 writes times in documents."""
    return moment.astimezone(UTC).isoformat("T", "milliseconds")[:23] + "Z"


def encode(document: Document) -> bytes:
    """The document in UTF-8 with XML declaration and namespace."""
    kind = type(document)
    out = [DECLARATION]
    _writer(kind, root_name(kind), kind.xml_namespace)(out, document)
    return "".join(out).encode()


_Write = Callable[[list[str], Any], None]
_TEXT: dict[type, Callable[[Any], str]] = {
    str: escape,
    int: str,
    bool: lambda value: "true" if value else "false",
    datetime: timestamp,
}


@cache
def _writer(kind: type[Document], name: str, namespace: str = "") -> _Write:
    """A function that appends the element `name` holding a `kind`."""
    fields = fields_of(kind)
    attributes = [(f' {f.name}="', f.attribute, _TEXT[f.kind]) for f in fields if f.in_tag]
    children = [(f.attribute, _field_writer(f)) for f in fields if not f.in_tag]
    opened, closed = f"<{name}", f"</{name}>"
    if namespace:
        opened += f' xmlns="{namespace}"'
    if kind.xml_declares:
        opened += f" {kind.xml_declares}"

    def write(out: list[str], document: Document) -> None:
        out.append(opened)
        for start, attribute, text in attributes:
            value = getattr(document, attribute)
            if value is not None:
                quoted = text(value).replace("\n", "&#xa;").replace("\t", "&#x9;")
                out.append(f'{start}{quoted}"')
        out.append(">")
        for attribute, child in children:
            value = getattr(document, attribute)
            if value is not None:
                child(out, value)
        out.append(closed)

    return write


def _field_writer(field: Field) -> _Write:
    if issubclass(field.kind, Document):
        one = _writer(field.kind, field.name)
    else:
        one = _text_writer(field.name, _TEXT[field.kind])
    if not field.repeated:
        return one
    opened, closed = (f"<{field.wrapper}>", f"</{field.wrapper}>") if field.wrapper else ("", "")

    def write(out: list[str], values: tuple[Any, ...]) -> None:
        out.append(opened)
        for value in values:
            one(out, value)
        out.append(closed)

    return write


def _text_writer(name: str, text: Callable[[Any], str]) -> _Write:
    opened, closed = f"<{name}>", f"</{name}>"
    return lambda out, value: out.append(f"{opened}{text(value)}{closed}")


# --- decode ---------------------------------------------------------------------------------------


def decode(kind: type[DocumentT], data: bytes, *, limit: int) -> DocumentT:
    """The document in `data`, UTF-8 or UTF-16, of at most `limit` bytes.

    Raises MalformedXML for what is not well-formed, has a DTD, an unknown root, a wrong value or
    lacks a required element; MaxMessageLengthExceeded above the limit. The namespace is not looked
    at: S3 takes documents without one.
    """
    if len(data) > limit:
        raise MaxMessageLengthExceeded(MaxMessageLengthBytes=str(limit))
    found = scan(kind, data)
    if found is not None:
        return found
    root = _parse(data)
    if root.name != root_name(kind):
        raise MalformedXML
    document: DocumentT = _reader(kind)(root)
    return document


class Node:
    """An element: its name without prefix, attributes, text and children."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.text: list[str] = []
        self.children: list[Node] = []


def _parse(data: bytes) -> Node:
    """The tree of a document without DTD, within the bounds of depth and elements."""
    top = Node("", {})
    stack = [top]
    elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if len(stack) > MAX_DEPTH or elements > MAX_ELEMENTS:
            raise MalformedXML
        node = Node(name.rpartition(":")[2], attributes)
        stack[-1].children.append(node)
        stack.append(node)

    # The encoding is given, because expat would ask Python's codecs for the one declared.
    parser = expat.ParserCreate(_encoding(data))
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = lambda text: stack[-1].text.append(text)
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003  (expat takes no keywords)
    except expat.ExpatError:
        raise MalformedXML from None
    return top.children[0]


def _refuse(*_: object) -> NoReturn:
    raise MalformedXML


def _encoding(data: bytes) -> str:
    """UTF-8 unless a byte order mark or the zero byte beside `<` says UTF-16."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    if data.startswith(b"<\x00"):
        return "UTF-16LE"
    return "UTF-16BE" if data.startswith(b"\x00<") else "UTF-8"


_Read = Callable[[Node], Any]


@cache
def _reader(kind: type[Document]) -> _Read:
    """A function that turns an element into a `kind`."""
    fields = fields_of(kind)
    elements = {f.wrapper or f.name: (f, _field_reader(f)) for f in fields if not f.in_tag}
    attributes = [f for f in fields if f.in_tag]
    required = frozenset(f.attribute for f in fields if f.required)

    def read(node: Node) -> Any:
        values: dict[str, Any] = {f.attribute: _attribute(node, f) for f in attributes}
        if "".join(node.text).strip():
            raise MalformedXML
        for child in node.children:
            known = elements.get(child.name)
            if known is None:
                if kind.xml_strict:
                    raise MalformedXML
                continue
            field, convert = known
            if field.repeated and not field.wrapper:
                values.setdefault(field.attribute, []).append(convert(child))
            elif field.attribute in values:
                raise MalformedXML
            else:
                values[field.attribute] = convert(child)
        if not required <= values.keys():
            raise MalformedXML
        return kind(**{k: tuple(v) if type(v) is list else v for k, v in values.items()})

    return read


def _field_reader(field: Field) -> _Read:
    one = _reader(field.kind) if issubclass(field.kind, Document) else _text_reader(field)
    if not field.wrapper:
        return one

    def read(node: Node) -> Any:
        if "".join(node.text).strip() or any(c.name != field.name for c in node.children):
            raise MalformedXML
        return tuple(one(child) for child in node.children)

    return read


def _text_reader(field: Field) -> _Read:
    convert = field.converter()

    def read(node: Node) -> Any:
        if node.children:
            raise MalformedXML
        return convert("".join(node.text))

    return read


def _attribute(node: Node, field: Field) -> Any:
    local = field.name.rpartition(":")[2]
    for name, value in node.attributes.items():
        if name.rpartition(":")[2] == local:
            return field.converter()(value)
    if field.required:
        raise MalformedXML
    return None
