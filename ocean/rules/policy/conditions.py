"""Conditions of statements: whether the values that a request has for a key are as stated. Pure.

A condition on a key without values holds if its operator ends with IfExists, begins with
ForAllValues: or negates, the last unless it begins with ForAnyValue:. A value of the request that
an operator cannot read matches nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import operator
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, Protocol

from ocean.errors import MalformedPolicy
from ocean.rules.policy import elements, keys, values
from ocean.rules.policy.patterns import Context, Patterns, arn, caseless

Matches = Callable[[str, Context], bool]
Asks = frozenset[str]


class Quantifier(Enum):
    """Which of the request's values must be as stated, where it is not one of them."""

    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Operator(NamedTuple):
    """An operator in its parts: `name` is StringNotLike in ForAnyValue:StringNotLikeIfExists."""

    name: str
    negated: bool
    quantifier: Quantifier | None
    if_exists: bool


class Condition(NamedTuple):
    """What one operator states of one key; `asks` are all keys whose values it may need."""

    operator: Operator
    key: str
    stated: tuple[str, ...]
    asks: Asks
    holds: Callable[[Context], bool]


class Build(Protocol):
    """Reads the values that are stated; MalformedPolicy for one that the operator cannot use.

    Returned are whether a value of the request is one of them, and the keys of their variables.
    """

    def __call__(self, stated: tuple[str, ...], *, variables: bool) -> tuple[Matches, Asks]: ...


def _strings(stated: tuple[str, ...], *, variables: bool, **kind: Any) -> tuple[Matches, Asks]:
    patterns = Patterns(stated, variables=variables, **kind)
    return patterns.matches, patterns.asks


def _arns(stated: tuple[str, ...], *, variables: bool) -> tuple[Matches, Asks]:
    for one in stated:
        if one.count(":") < 5 and not (variables and "${" in one):
            raise MalformedPolicy("Invalid ARN in Conditions")
    return _strings(stated, variables=variables, build=arn)


def _booleans(stated: tuple[str, ...], *, variables: bool) -> tuple[Matches, Asks]:
    for one in stated:
        if one.lower() not in ("true", "false") and not (variables and "${" in one):
            raise MalformedPolicy("Invalid Boolean in Conditions")
    return _strings(stated, variables=variables, wildcards=False, build=caseless)


def _read(
    read: Callable[[str], Any],
    read_stated: Callable[[str], Any],
    compare: Callable[[Any, Any], bool],
    kind: str,
) -> Build:
    """For operators that compare what texts mean, in `values`."""

    def build(stated: tuple[str, ...], *, variables: bool) -> tuple[Matches, Asks]:  # noqa: ARG001
        wanted = []
        for text in stated:
            meant = read_stated(text)
            if meant is None:
                raise MalformedPolicy(f"Invalid {kind} in Conditions")
            wanted.append(meant)

        def matches(text: str, _context: Context) -> bool:
            found = read(text)
            if found is not None:
                for one in wanted:
                    if compare(found, one):
                        return True
            return False

        return matches, frozenset()

    return build


def _within(address: int, network: range) -> bool:
    return address in network


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_OPERATORS: dict[str, Build] = {
    "StringEquals": partial(_strings, wildcards=False),
    "StringEqualsIgnoreCase": partial(_strings, wildcards=False, build=caseless),
    "StringLike": _strings,
    "ArnEquals": _arns,
    "ArnLike": _arns,
    "Bool": _booleans,
    "BinaryEquals": _read(values.binary, values.binary, operator.eq, "base64"),
    "IpAddress": _read(values.address, values.network, _within, "IP address"),
    **{
        f"{kind}{name}": _read(read, read, compare, kind.lower())
        for kind, read in (("Numeric", values.number), ("Date", values.date))
        for name, compare in _COMPARISONS.items()
    },
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def parse(block: object, *, variables: bool, foreign: bool) -> tuple[Condition, ...]:
    """Read the value of a Condition; MalformedPolicy.

    With `foreign` keys of other services may be named, which no request has.
    """
    return tuple(
        _condition(name, key, _texts(stated), variables=variables, foreign=foreign)
        for name, fields in elements.mapping(block).items()
        for key, stated in elements.mapping(fields).items()
    )


def _texts(stated: object) -> tuple[str, ...]:
    """The strings of a value, in which Booleans may be without quotation marks."""
    listed = stated if isinstance(stated, list) else [stated]
    return elements.texts([str(one).lower() if isinstance(one, bool) else one for one in listed])


def _condition(
    name: str, key: str, stated: tuple[str, ...], *, variables: bool, foreign: bool
) -> Condition:
    how = _operator(name)
    key = keys.written(key)
    if not keys.is_known(key) and not (foreign and keys.is_foreign(key)):
        raise MalformedPolicy("Policy has an invalid condition key")
    if how.name == "Null":
        return Condition(how, key, stated, frozenset({key}), _null(key, stated))
    matches, asks = _OPERATORS[_NEGATED.get(how.name, how.name)](stated, variables=variables)
    return Condition(how, key, stated, asks | {key}, _test(how, key, matches))


def _operator(text: str) -> Operator:
    prefix, colon, name = text.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    quantifiers = {one.value: one for one in Quantifier}
    plain = not colon and not if_exists
    if (colon and prefix not in quantifiers) or not (
        name in _OPERATORS or name in _NEGATED or (name == "Null" and plain)
    ):
        raise MalformedPolicy(f"Invalid Condition type : {text}")
    return Operator(name, name in _NEGATED, quantifiers.get(prefix), if_exists)


def _null(key: str, stated: tuple[str, ...]) -> Callable[[Context], bool]:
    _booleans(stated, variables=False)
    wanted = frozenset(one.lower() == "true" for one in stated)
    return lambda context: (not context(key)) in wanted


def _test(how: Operator, key: str, matches: Matches) -> Callable[[Context], bool]:
    negated, quantifier = how.negated, how.quantifier
    without = how.if_exists or quantifier is Quantifier.ALL or (negated and quantifier is None)

    def holds(context: Context) -> bool:
        found = context(key)
        if not found:
            return without
        if quantifier is Quantifier.ALL:
            return all(matches(one, context) != negated for one in found)
        if quantifier is Quantifier.ANY:
            return any(matches(one, context) != negated for one in found)
        for one in found:
            if matches(one, context):
                return not negated
        return negated

    return holds
