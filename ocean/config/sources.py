"""Where settings come from: the schema's leaves, a TOML file, the environment, flags."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from ocean.config.schema import Config, Section

PREFIX = "OCEAN_"
EXEMPT = ("OCEAN_TEST_", "OCEAN_CONFIG")  # for the tests; the file's own name

_TABLE = re.compile(r"\s*\[\s*([A-Za-z0-9_.\"'-]+)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_\"'-]+)\s*=")


class ConfigError(Exception):
    """Settings that cannot be used: one line for each in `problems`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Origin(NamedTuple):
    """Where a value stands: `place` is FILE:LINE, a variable, a flag, or "default"."""

    place: str


class Leaf(NamedTuple):
    """One setting: `section` is "" at the top."""

    section: str
    key: str
    kind: object
    default: object

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def secret(self) -> bool:
        return self.key == "secret_key"


class Given(NamedTuple):
    """A raw value and where it stands; `text` when it is a string to be read as any kind."""

    value: object
    origin: Origin
    text: bool


def leaves() -> dict[str, Leaf]:
    """Every setting by its dotted name."""
    return {leaf.name: leaf for leaf in _leaves()}


def _leaves() -> Iterator[Leaf]:
    defaults = Config()
    for member in msgspec.structs.fields(Config):
        value = getattr(defaults, member.encode_name)
        if isinstance(value, Section):
            for inner in msgspec.structs.fields(value):
                yield Leaf(member.name, inner.name, inner.type, inner.default)
        else:
            yield Leaf("", member.name, member.type, value)


def from_file(path: Path) -> dict[str, Given]:
    """The settings of a TOML file; ConfigError when it cannot be read or names unknown keys."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not a TOML file: {error}") from error
    lines = _lines(text)
    known = leaves()
    given = {
        name: Given(value, Origin(f"{path}:{lines.get(name, 1)}"), text=False)
        for name, value in _flat(tree)
    }
    unknown = [
        f"{got.origin.place}: unknown key {name}; expected {expected(name, known)}"
        for name, got in given.items()
        if name not in known
    ]
    if unknown:
        raise ConfigError(*unknown)
    return given


def from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    """The settings of the variables; ConfigError when one with our prefix is unknown."""
    variables = {leaf.variable: leaf for leaf in leaves().values()}
    given, unknown = {}, []
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable.startswith(EXEMPT) or not value:
            continue  # an empty variable is how a shell or a compose file says "not given"
        leaf = variables.get(variable)
        if leaf is None:
            unknown.append(
                f"{variable}: unknown variable; expected one of {', '.join(sorted(variables))}"
            )
        else:
            given[leaf.name] = Given(value, Origin(variable), text=True)
    if unknown:
        raise ConfigError(*unknown)
    return given


def from_flags(flags: Mapping[str, object]) -> dict[str, Given]:
    """The settings of the command line, by name; None is not given."""
    return {
        name: Given(value, Origin(f"--{name.replace('_', '-')}"), text=isinstance(value, str))
        for name, value in flags.items()
        if value is not None
    }


def expected(name: str, known: Mapping[str, Leaf]) -> str:
    """What could stand in the place of an unknown key."""
    section, _, _ = name.rpartition(".")
    keys = sorted(leaf.key for leaf in known.values() if leaf.section == section)
    if keys:
        return f"one of {', '.join(keys)}"
    return f"a table of {', '.join(sorted({leaf.section for leaf in known.values()} - {''}))}"


def _flat(tree: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _lines(text: str) -> dict[str, int]:
    """Where keys stand. A guess for inline tables and multi-line strings, exact otherwise."""
    places: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if opened := _TABLE.match(line):
            table = opened[1] + "."
            places.setdefault(opened[1], number)
        elif key := _KEY.match(line):
            places.setdefault(table + key[1].strip("\"'"), number)
    return places
