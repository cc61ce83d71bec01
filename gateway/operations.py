"""Operations of S3: how one is declared, and which one a request asks for.

An operation is declared with its URI as S3's model writes it. A request resolves to the most
specific declaration whose keys of the query, fixed values and headers it carries.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, TypeVar, get_type_hints
from urllib.parse import parse_qsl

from gateway.wire.bind import (
    Bind,
    Body,
    Header,
    Input,
    Output,
    Query,
    Render,
    binder,
    invalid,
    members,
    render_nothing,
    renderer,
)
from ocean.errors import MethodNotAllowed, S3Error

# Headers whose presence asks for another operation: CopyObject, not PutObject.
SELECTING_HEADERS = frozenset({"x-amz-copy-source"})

Handler = Callable[..., Awaitable[Any]]
HandlerT = TypeVar("HandlerT", bound=Handler)


class BodyKind(Enum):
    """What an operation does with the body of a request."""

    NONE = "none"
    DOCUMENT = "document"  # read whole, checked and given to the binder
    STREAM = "stream"  # left to the handler
    FORM = "form"  # its fields are the input and say who sent it, its file is left to the handler


class Level(StrEnum):
    """What a request addresses."""

    SERVICE = "SERVICE"
    BUCKET = "BUCKET"
    OBJECT = "OBJECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of S3. Without a handler it is known and not built.

    `keys` must be in the query, `fixed` with this value; `header`, if any, among the headers.
    `optional` are the keys that other operations of the route may carry without meaning; `takes`
    are all parameters of the query that it knows.
    """

    name: str
    method: str
    uri: str
    level: Level
    action: str
    keys: frozenset[str]
    fixed: tuple[tuple[str, str], ...] = ()
    header: str = ""
    optional: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    sums_object: bool = False  # checksum headers are of the object, not of the document
    headers: frozenset[str] = frozenset()  # that it takes, in lower case
    input: type[Input] | None = None
    output: type[Output] | None = None
    body: BodyKind = BodyKind.NONE
    document_limit: int = 0
    status: int = 200
    handler: Handler | None = None
    bind: Bind | None = None
    render: Render = render_nothing

    def matches(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        return (
            self.keys <= query.keys()
            and all(query[key] == value for key, value in self.fixed)
            and (not self.header or self.header in headers)
        )

    @property
    def weight(self) -> int:
        """How specific the operation is."""
        return len(self.keys) + len(self.fixed) + bool(self.header)


class _Route:
    """The operations of one method on one level, the most specific first."""

    __slots__ = ("exclusive", "interesting", "keyed", "plain")

    def __init__(self) -> None:
        self.plain: tuple[Operation, ...] = ()
        self.keyed: tuple[Operation, ...] = ()
        self.exclusive: frozenset[str] = frozenset()  # parameters that make another operation
        self.interesting: frozenset[str] = frozenset()  # these and the sub-resources

    def add(self, operation: Operation) -> None:
        if operation.keys:
            self.keyed = _by_weight((*self.keyed, operation))
            self.exclusive |= operation.keys - operation.optional
        else:
            self.plain = _by_weight((*self.plain, operation))


def _by_weight(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple(sorted(operations, key=lambda operation: -operation.weight))


class Registry:
    """All declared operations, by name and by what a request says."""

    def __init__(self) -> None:
        self.by_name: dict[str, Operation] = {}
        self._routes: dict[tuple[str, Level], _Route] = {}
        self._subresources: dict[Level, frozenset[str]] = dict.fromkeys(Level, frozenset())

    def operation(
        self,
        method: str,
        uri: str,
        *,
        action: str,
        status: int = 200,
        body: BodyKind | None = None,
        also: Collection[str] = (),
    ) -> Callable[[HandlerT], HandlerT]:
        """Declare the decorated `async def put_object(cx, given: PutObjectInput) -> Output`.

        Input and output types are the annotations of the second parameter and of the result; the
        operation's name is the function's in camel case. A body that is a document needs no
        `body`: the input declares it. `also` are headers (in lower case) that it takes beside those
        of its input.
        """

        def declare(handler: HandlerT) -> HandlerT:
            taken, given = _types(handler)
            document = _document_limit(taken)
            self._add(
                _declaration(
                    name="".join(word.title() for word in handler.__name__.split("_")),
                    method=method,
                    uri=uri,
                    action=action,
                    input=taken,
                    output=given,
                    body=body or (BodyKind.NONE if document is None else BodyKind.DOCUMENT),
                    document_limit=document or 0,
                    status=status,
                    also=also,
                    handler=handler,
                    bind=binder(taken) if taken else None,
                    render=renderer(given) if given else render_nothing,
                )
            )
            return handler

        return declare

    def planned(
        self, name: str, method: str, uri: str, *, action: str = "", requires: str = ""
    ) -> None:
        """Declare an operation that is answered with NotImplemented and its name.

        Without `action` it is the name's own; `requires` is the parameter of the query that tells
        it from another operation of the same URI.
        """
        self._add(
            _declaration(
                name=name,
                method=method,
                uri=uri,
                action=action or f"s3:{name}",
                requires=requires,
            )
        )

    def resolve(
        self,
        method: str,
        level: Level,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Operation:
        """The most specific operation that the request asks for, or MethodNotAllowed."""
        route = self._routes.get((method, level))
        if route is None:
            raise self._not_allowed(method, level)
        if query and not route.interesting.isdisjoint(query):
            return self._keyed(route, method, level, query, headers)
        for operation in route.plain:
            if not operation.header or operation.header in headers:
                return operation
        raise self._not_allowed(method, level)

    def _keyed(
        self,
        route: _Route,
        method: str,
        level: Level,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> Operation:
        for operation in (*route.keyed, *route.plain):
            if operation.matches(query, headers):
                break
        else:
            raise self._not_allowed(method, level)
        # What makes another operation is never ignored: PUT ?uploads must not store an object.
        for key in (route.interesting & query.keys()) - operation.takes:
            if key in self._subresources[level]:
                raise self._not_allowed(method, level)
            if key in route.exclusive:
                raise invalid(key, query[key], f"{operation.name} does not take {key}")
        return operation

    def _add(self, operation: Operation) -> None:
        if operation.name in self.by_name:
            raise ValueError(f"{operation.name} is declared twice")
        for other in self.by_name.values():
            if _selector(other) == _selector(operation):
                raise ValueError(f"{operation.name} and {other.name} answer the same requests")
        self.by_name[operation.name] = operation
        self._routes.setdefault((operation.method, operation.level), _Route()).add(operation)
        self._subresources[operation.level] |= subresources(operation.uri)
        for (_, level), route in self._routes.items():
            keys = [one.keys for one in route.keyed]
            route.interesting = self._subresources[level].union(*keys)

    def _not_allowed(self, method: str, level: Level) -> S3Error:
        allowed = sorted(one for one, at in self._routes if at is level)
        return MethodNotAllowed(
            headers={"allow": ", ".join(allowed)}, Method=method, ResourceType=level
        )


def _selector(operation: Operation) -> tuple[object, ...]:
    return (
        operation.method,
        operation.level,
        operation.keys,
        operation.fixed,
        operation.header,
    )


def subresources(uri: str) -> frozenset[str]:
    """The keys without a value: `uploads` of `/{Bucket}?uploads`."""
    pairs = parse_qsl(uri.partition("?")[2], keep_blank_values=True)
    return frozenset(key for key, value in pairs if not value)


def _declaration(
    *, uri: str, requires: str = "", also: Collection[str] = (), **rest: Any
) -> Operation:
    """An Operation with what its URI and its input's required fields select."""
    path, _, query = uri.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    level = Level.OBJECT if "{Key+}" in path else Level.BUCKET if path != "/" else Level.SERVICE
    declared = members(rest["input"]) if rest.get("input") else ()
    headers = {m.mark.name.lower() for m in declared if isinstance(m.mark, Header)}
    needed = {m.mark.name for m in declared if m.required and isinstance(m.mark, Query)}
    sent = {m.mark.name.lower() for m in declared if m.required and isinstance(m.mark, Header)}
    keys = frozenset(key for key, _ in pairs) | needed | ({requires} if requires else set())
    return Operation(
        uri=uri,
        level=level,
        keys=keys,
        fixed=tuple((key, value) for key, value in pairs if value),
        header=next((name for name in sorted(SELECTING_HEADERS) if name in sent), ""),
        optional=subresources(uri) | ({requires} if requires else set()),
        takes=keys | {m.mark.name for m in declared if isinstance(m.mark, Query)},
        sums_object="x-amz-checksum-sha256" in headers,
        headers=frozenset(headers).union(also),
        **rest,
    )


def _types(handler: Handler) -> tuple[type[Input] | None, type[Output] | None]:
    """The input and output types of a handler; None where it has none."""
    hints = get_type_hints(handler)
    names = list(inspect.signature(handler).parameters)
    taken = hints.get(names[1]) if len(names) > 1 else None
    given = hints.get("return")
    return taken, given if isinstance(given, type) and issubclass(given, Output) else None


def _document_limit(taken: type[Input] | None) -> int | None:
    """How large the document of an input may be; None without one."""
    marks = (m.mark for m in members(taken)) if taken else ()
    return next((mark.limit for mark in marks if isinstance(mark, Body)), None)


s3 = Registry()
