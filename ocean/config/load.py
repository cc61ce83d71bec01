"""Merging the sources into one Config, each value checked where it stands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NamedTuple, get_args, get_origin

import msgspec

from ocean.config.schema import Config
from ocean.config.sources import (
    ConfigError,
    Given,
    Leaf,
    Origin,
    from_environment,
    from_file,
    from_flags,
    leaves,
)
from ocean.config.values import Address, Size, revive


class Loaded(NamedTuple):
    """A configuration, and by dotted name where each of its values came from."""

    config: Config
    origins: dict[str, Origin]


def load(
    *,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str],
    file: Path | None = None,
) -> Loaded:
    """Flags over environment over file (or OCEAN_CONFIG) over defaults; ConfigError."""
    named = environ.get("OCEAN_CONFIG")
    path = file or (Path(named) if named else None)
    given = {
        **_defaults(environ),
        **(from_file(path) if path else {}),
        **from_environment(environ),
        **from_flags(flags or {}),
    }
    tree: dict[str, dict[str, object]] = {}
    problems = []
    for name, leaf in leaves().items():
        try:
            tree.setdefault(leaf.section, {})[leaf.key] = _value(leaf, given[name])
        except ValueError as error:
            problems.append(f"{given[name].origin.place}: {name} is wrong: expected {error}")
    if problems:
        raise ConfigError(*problems)
    config = _build(tree)
    _agree(config, given)
    return Loaded(config, {name: got.origin for name, got in given.items()})


def _defaults(environ: Mapping[str, str]) -> dict[str, Given]:
    """The schema's defaults, with the user's own configuration folder for the master key."""
    given = {
        name: Given(leaf.default, Origin("default"), text=False) for name, leaf in leaves().items()
    }
    folder = environ.get("XDG_CONFIG_HOME") or "~/.config"
    key_file = str(Path(folder) / "ocean" / "master.key")
    return {**given, "master_key_file": Given(key_file, Origin("default"), text=False)}


def _value(leaf: Leaf, given: Given) -> object:
    """The value as the setting's kind; ValueError saying what was expected."""
    raw = given.value
    if given.origin.place == "default" and not isinstance(raw, str):
        return raw
    if given.text and isinstance(raw, str) and _is_list(leaf.kind):
        raw = [item.strip() for item in raw.split(",") if item.strip()]
    try:
        value: object = msgspec.convert(
            raw, leaf.kind, strict=not given.text, dec_hook=revive, str_keys=True
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise ValueError(f"{_expectation(leaf.kind)} ({error})") from error
    return value.expanduser() if isinstance(value, Path) else value


def _is_list(kind: object) -> bool:
    bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_origin(bare) is tuple


def _expectation(kind: object) -> str:
    """What may stand there, in words: "one of commit, relaxed", "true or false", a size."""
    bare, *_ = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    if isinstance(bare, type) and issubclass(bare, Size | Address):
        return bare.expected
    if _is_list(kind):
        return "a list of texts"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    choices = [arg for arg in get_args(bare) if isinstance(arg, str)]
    if choices:
        return f"one of {', '.join(choices)}"
    return words[bare] if isinstance(bare, type) and bare in words else "a path"


def _build(tree: dict[str, dict[str, object]]) -> Config:
    """The values are of their kinds already."""
    top = tree.pop("")
    defaults = Config()
    sections = {name: type(getattr(defaults, name))(**keys) for name, keys in tree.items()}
    return Config(**top, **sections)  # type: ignore[arg-type]


def _agree(config: Config, given: Mapping[str, Given]) -> None:
    """Settings that only make sense together."""
    pairs = [
        ("root.access_key", config.root.access_key, "root.secret_key", config.root.secret_key),
        ("admin.access_key", config.admin.access_key, "admin.secret_key", config.admin.secret_key),
        ("tls.certificate", config.tls.certificate, "tls.key", config.tls.key),
    ]
    problems = []
    for first, one, second, other in pairs:
        if bool(one) != bool(other):
            there, missing = (first, second) if one else (second, first)
            problems.append(
                f"{given[there].origin.place}: {there} is given: expected {missing} too"
            )
    if problems:
        raise ConfigError(*problems)
