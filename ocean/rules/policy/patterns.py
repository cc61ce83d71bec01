"""Patterns of policies: wildcards, and variables that the request fills in. Pure.

Invariant: the value of a variable is compared as it is and never acts as a wildcard; to match takes
no more steps than the product of the two lengths, in C, whatever the pattern.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from ocean.errors import MalformedPolicy
from ocean.rules.policy import keys

Context = Callable[[str], tuple[str, ...] | None]
"""The values of a condition key of the request, by the key as `keys.written` has it; None: none."""

Matcher = Callable[[str], bool]

MANY = 32  # patterns with `?` of one list: one machine for all of them is faster from here on
MAX_VALUE = 1024  # characters of a variable's value; a longer one is none
MAX_TEMPLATES = 32  # patterns with both a variable and `?` in one list: each is built when asked

_WILDCARD = re.compile(r"([*?])")
_SPECIAL = re.compile(
    r"[*?]|\$\{(?:(?P<literal>[*?$])|(?P<key>[^{},']+)(?:,\s*'(?P<default>[^']*)'\s*)?)\}|\$\{"
)


class Wildcard(Enum):
    """What a character of a pattern stands for, if not for itself."""

    ANY = "*"
    ONE = "?"


class Variable(NamedTuple):
    """`${key, 'default'}`: the one value of a condition key, or else the default, if any."""

    key: str
    default: str | None


Plain = str | Wildcard
Piece = Plain | Variable


def pieces(text: str, *, wildcards: bool, variables: bool) -> tuple[Piece, ...]:
    """A pattern in pieces; MalformedPolicy for a variable that is not one.

    Without `wildcards`, `*` and `?` are characters like others; without `variables` so is `${`, as
    in policies of version 2008-10-17.
    """
    found: list[Piece] = []
    start = 0
    for match in (_SPECIAL if variables else _WILDCARD).finditer(text):
        if match[0] in ("*", "?"):
            if not wildcards:
                continue
            piece: Piece = Wildcard(match[0])
        else:
            piece = match["literal"] or _variable(match["key"] or "", match["default"])
        found += text[start : match.start()], piece
        start = match.end()
    found.append(text[start:])
    return tuple(piece for piece in found if piece != "")


def _variable(key: str, default: str | None) -> Variable:
    if not key.strip():
        raise MalformedPolicy("Policy has an invalid variable")
    return Variable(keys.written(key.strip()), default)


def resolve(pattern: Sequence[Piece], context: Context) -> list[Plain] | None:
    """The pattern with its variables filled in; None if the request has no value for one."""
    plain: list[Plain] = []
    for piece in pattern:
        if isinstance(piece, Variable):
            values = context(piece.key)
            value = values[0] if values and len(values) == 1 else piece.default
            if value is None or len(value) > MAX_VALUE:
                return None
            plain.append(value)
        else:
            plain.append(piece)
    return plain


class Automaton:
    """Patterns as one machine whose states are the bits of a number (Shift-And).

    A bit is set when the text so far may be the beginning of a pattern up to there, stars aside;
    `finals` has the bits of whole patterns, in their order.
    """

    __slots__ = ("_loops", "_masks", "_ones", "_start", "finals")

    def __init__(self, patterns: Iterable[Iterable[Plain]]) -> None:
        self._masks: dict[str, int] = {}
        self._loops = self._ones = self._start = 0
        self.finals: list[int] = []
        bit = 1
        for pattern in patterns:
            self._start |= bit
            for piece in pattern:
                if piece is Wildcard.ANY:
                    self._loops |= bit
                elif piece is Wildcard.ONE:
                    self._ones |= bit
                    bit <<= 1
                else:
                    for char in piece:
                        self._masks[char] = self._masks.get(char, 0) | bit
                        bit <<= 1
            self.finals.append(bit)
            bit <<= 1

    def after(self, text: str) -> int:
        """The bits that are set after the text; 0 if no pattern matches any text so beginning."""
        state = self._start
        for char in text:
            passed = self._masks.get(char, 0) | self._ones
            state = (state & passed) << 1 | state & self._loops
            if not state:
                break
        return state


def plain(text: str) -> list[Plain]:
    """A pattern without variables."""
    parts = _WILDCARD.split(text)
    return [Wildcard(part) if part in ("*", "?") else part for part in parts]


def glob(patterns: Iterable[Sequence[Plain]]) -> Matcher:
    """What tells whether a text matches any of the patterns."""
    exact: set[str] = set()
    parted: list[tuple[str, list[str], str]] = []
    others: list[Sequence[Plain]] = []
    for pattern in patterns:
        if Wildcard.ONE in pattern:
            others.append(pattern)
            continue
        parts = _parts(pattern)
        if len(parts) == 1:
            exact.add(parts[0])
        else:
            parted.append((parts[0], parts[1:-1], parts[-1]))
    with_ones = _with_ones(others)

    def matches(text: str) -> bool:
        if text in exact:
            return True
        for start, middle, end in parted:
            if text.startswith(start) and _goes_on(text, len(start), middle, end):
                return True
        return with_ones(text)

    return matches


def _with_ones(patterns: Sequence[Sequence[Plain]]) -> Matcher:
    """Patterns with `?`: few one by one; many at once, which takes a step for each character."""
    if len(patterns) > MANY:
        automaton = Automaton(patterns)
        final = sum(automaton.finals)
        return lambda text: automaton.after(text) & final != 0
    expressions = list(map(_expression, patterns))
    return lambda text: any(one.fullmatch(text) for one in expressions)


def _expression(pattern: Sequence[Plain]) -> re.Pattern[str]:
    """A pattern with `?` as a regular expression.

    What is between two stars is found where it first is and never looked for again (an atomic
    group), as nothing is won by looking further: so nothing grows beyond the two lengths.
    """
    parts = [""]
    for piece in pattern:
        if piece is Wildcard.ANY:
            parts.append("")
        else:
            parts[-1] += "." if piece is Wildcard.ONE else re.escape(str(piece))
    first, *middle = parts
    if not middle:
        return re.compile(first, re.DOTALL)
    found = "".join(f"(?>.*?{part})" for part in middle[:-1] if part)
    return re.compile(f"{first}{found}.*{middle[-1]}", re.DOTALL)


def _parts(pattern: Sequence[Plain]) -> list[str]:
    """The literals between stars."""
    parts = [""]
    for piece in pattern:
        if isinstance(piece, str):
            parts[-1] += piece
        else:
            parts.append("")
    return parts


def _goes_on(text: str, at: int, middle: list[str], end: str) -> bool:
    """Whether a text has the parts in their order from a place on, and the end after them."""
    stop = len(text) - len(end)
    if at > stop or not text.endswith(end):
        return False
    for part in middle:
        found = text.find(part, at, stop)
        if found < 0:
            return False
        at = found + len(part)
    return True


def caseless(patterns: Iterable[Sequence[Plain]]) -> Matcher:
    """Like `glob`, whatever the case of the letters."""
    lower = glob(
        [piece.lower() if isinstance(piece, str) else piece for piece in pattern]
        for pattern in patterns
    )
    return lambda text: lower(text.lower())


def arn(patterns: Iterable[Sequence[Plain]]) -> Matcher:
    """Like `glob`, for each of the six components of an ARN, divided by colons, by itself."""
    divided = [
        [glob([component]) for component in components]
        for components in map(_components, patterns)
        if len(components) == 6
    ]

    def matches(text: str) -> bool:
        found = text.split(":", 5)
        return len(found) == 6 and any(
            all(matcher(part) for matcher, part in zip(matchers, found, strict=True))
            for matchers in divided
        )

    return matches


def _components(pattern: Sequence[Plain]) -> list[list[Plain]]:
    """The pattern divided at its first five colons."""
    parts: list[list[Plain]] = [[]]
    for piece in pattern:
        if isinstance(piece, str):
            *heads, piece = piece.split(":", 6 - len(parts))
            for head in heads:
                parts[-1].append(head)
                parts.append([])
        parts[-1].append(piece)
    return parts


class Patterns:
    """Several patterns, of which any may match; `asks` are the keys of their variables."""

    __slots__ = ("_build", "_matches", "_patterns", "_templates", "asks")

    def __init__(
        self,
        texts: Iterable[str],
        *,
        variables: bool,
        wildcards: bool = True,
        build: Callable[[Iterable[Sequence[Plain]]], Matcher] = glob,
    ) -> None:
        self._build = build
        self._patterns = [pieces(one, wildcards=wildcards, variables=variables) for one in texts]
        fixed: list[list[Plain]] = []
        self._templates: list[tuple[str, tuple[Piece, ...]]] = []
        for pattern in self._patterns:
            without = [piece for piece in pattern if not isinstance(piece, Variable)]
            if len(without) == len(pattern):
                fixed.append(without)
            else:
                first = pattern[0] if build is not caseless else ""
                self._templates.append((first if isinstance(first, str) else "", pattern))
        if sum(Wildcard.ONE in pattern for _, pattern in self._templates) > MAX_TEMPLATES:
            raise MalformedPolicy("Policy has too many variables beside wildcards")
        self._matches = build(fixed)
        self.asks = frozenset(
            piece.key
            for _, pattern in self._templates
            for piece in pattern
            if isinstance(piece, Variable)
        )

    def matches(self, text: str, context: Context) -> bool:
        """Whether any pattern matches; one whose variables have no values does not."""
        if self._matches(text):
            return True
        for start, template in self._templates:
            if text.startswith(start):
                resolved = resolve(template, context)
                if resolved is not None and self._build([resolved])(text):
                    return True
        return False

    def automata(self) -> list[Automaton]:
        """The patterns one by one, with any text for the values of their variables."""
        return [
            Automaton([[Wildcard.ANY if isinstance(one, Variable) else one for one in pattern]])
            for pattern in self._patterns
        ]
