"""The table of settings that README shows. Pure."""

import json
from typing import get_args

import msgspec

from ocean.config.sources import leaves


def settings_table() -> str:
    """Markdown, one row for each setting, in the schema's order."""
    rows = ["| Key | Variable | Default | Meaning |", "|---|---|---|---|"]
    for leaf in leaves().values():
        meta = [arg for arg in get_args(leaf.kind) if isinstance(arg, msgspec.Meta)]
        meaning = meta[-1].description if meta else ""
        default = _default(leaf.default)
        rows.append(f"| `{leaf.name}` | `{leaf.variable}` | {default} | {meaning} |")
    return "\n".join(rows)


def _default(value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, tuple):
        value = ", ".join(value)
    return f"`{json.dumps(value)}`" if isinstance(value, bool) else f"`{value}`"
