"""Documents as structs: how the fields of a struct are named and nested in XML; pure.

A document is a frozen struct. A field is an element of the field's name in CamelCase; `Annotated`
names the exceptions:

    class Tag(Document):
        key: str
        value: str

    class Tagging(Document):
        tag_set: Annotated[tuple[Tag, ...], Elements("TagSet", "Tag")]

Text fields are str, int, bool, datetime or a Literal of strings. A tuple is a flattened list unless
`Elements` wraps it. A field without a default is required; None is left out.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from gateway.wire.shape import Shape
from ocean.errors import MalformedXML

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True)
class Element:
    """The field is an element of this name, not of the field's own in CamelCase."""

    name: str


@dataclass(frozen=True, slots=True)
class Elements:
    """The field is a list of `item` elements wrapped in one `wrapper` element."""

    wrapper: str
    item: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """The field is an attribute of its document's element."""

    name: str


class Document(Shape):
    """A struct with a form in XML.

    `xml_name` is the root element (the class's name if empty), `xml_strict` refuses unknown
    elements, as S3 does for what it validates against its schema; otherwise they are ignored.
    `xml_declares` is written into its element, for the prefixes of its attributes.
    """

    xml_name: ClassVar[str] = ""
    xml_namespace: ClassVar[str] = NAMESPACE
    xml_strict: ClassVar[bool] = True
    xml_declares: ClassVar[str] = ""


DocumentT = TypeVar("DocumentT", bound=Document)


class Field(NamedTuple):
    """One field of a document, resolved: how it is named, what it holds, how it repeats.

    `kind` is a Document, or the scalar's type; `choices` the strings of a Literal. `wrapper` is
    empty for a flattened list.
    """

    attribute: str
    name: str
    kind: type
    choices: frozenset[str]
    repeated: bool
    wrapper: str
    in_tag: bool
    required: bool

    def converter(self) -> Callable[[str], Any]:
        """Text to value; raises MalformedXML."""
        if self.choices:
            return self._choice
        return _FROM_TEXT[self.kind]

    def _choice(self, text: str) -> str:
        if text not in self.choices:
            raise MalformedXML
        return text


@cache
def fields_of(kind: type[Document]) -> tuple[Field, ...]:
    """The fields of a document in the order of their declaration."""
    hints = get_type_hints(kind, include_extras=True)
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    return tuple(
        _field(name, hints[name], required=name in required) for name in kind.__struct_fields__
    )


def root_name(kind: type[Document]) -> str:
    return kind.xml_name or kind.__name__


def camel_case(name: str) -> str:
    """`part_number` -> `PartNumber`; `e_tag` -> `ETag`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def integer(text: str) -> int:
    """The number in a text, with blanks around it or not; MalformedXML."""
    if text.isdecimal() and text.isascii() and len(text) < 20:
        return int(text)
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise MalformedXML
    return int(match[1])


def integers(column: Sequence[str]) -> list[int]:
    """What `integer` gives for each of many texts, in a third of the time."""
    digits = "".join(column)
    if digits.isdecimal() and digits.isascii() and all(column) and max(map(len, column)) < 20:
        return list(map(int, column))
    return list(map(integer, column))


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise MalformedXML
    return value


def _moment(text: str) -> datetime:
    """An xs:dateTime or xs:date; UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise MalformedXML from None


_INTEGER = re.compile(r"[ \t\r\n]*(-?[0-9]{1,19})[ \t\r\n]*")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_FROM_TEXT: dict[type, Callable[[str], Any]] = {
    str: str,
    int: integer,
    bool: _boolean,
    datetime: _moment,
}


def _field(attribute: str, hint: Any, *, required: bool) -> Field:
    marks: tuple[Any, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *rest = get_args(hint)
        marks = tuple(rest)
    inner = without_none(hint)
    repeated = get_origin(inner) is tuple
    item = without_none(get_args(inner)[0]) if repeated else inner
    choices = frozenset(get_args(item)) if get_origin(item) is Literal else frozenset()
    kind: type = str if choices else item
    mark = next((m for m in marks if isinstance(m, Element | Elements | Attribute)), None)
    name = mark.item if isinstance(mark, Elements) else mark.name if mark else camel_case(attribute)
    wrapper = mark.wrapper if isinstance(mark, Elements) else ""
    in_tag = isinstance(mark, Attribute)
    return Field(attribute, name, kind, choices, repeated, wrapper, in_tag, required)


def without_none(hint: Any) -> Any:
    """`T | None` -> `T`."""
    if get_origin(hint) is Union or type(hint).__name__ == "UnionType":
        rest = [arm for arm in get_args(hint) if arm is not type(None)]
        return rest[0] if len(rest) == 1 else hint
    return hint
