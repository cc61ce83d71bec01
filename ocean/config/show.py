"""A configuration as text or JSON: every value with its origin, secrets masked."""

import json

from msgspec import Struct

from ocean.config.load import Loaded
from ocean.config.sources import leaves

MASK = "********"


class Line(Struct, frozen=True):
    """One setting as shown."""

    name: str
    value: object
    origin: str
    variable: str


def lines(loaded: Loaded) -> list[Line]:
    """Every setting in the schema's order."""
    shown = []
    for name, leaf in leaves().items():
        holder = getattr(loaded.config, leaf.section) if leaf.section else loaded.config
        value = getattr(holder, leaf.key)
        visible = MASK if leaf.secret and value else _plain(value)
        shown.append(Line(name, visible, loaded.origins[name].place, leaf.variable))
    return shown


def as_text(loaded: Loaded) -> str:
    """`name = value   # origin`, one line each."""
    pairs = [(f"{line.name} = {json.dumps(line.value)}", line.origin) for line in lines(loaded)]
    width = max(len(left) for left, _ in pairs)
    return "\n".join(f"{left:<{width}}  # {origin}" for left, origin in pairs)


def as_json(loaded: Loaded) -> str:
    """An object by name: value, origin, variable."""
    shown = {
        line.name: {"value": line.value, "origin": line.origin, "variable": line.variable}
        for line in lines(loaded)
    }
    return json.dumps(shown, indent=2)


def _plain(value: object) -> object:
    """Numbers and truths as they are; sizes, addresses and paths as their text."""
    if value is None or type(value) in (bool, int, float):
        return value
    return list(value) if isinstance(value, tuple) else str(value)
