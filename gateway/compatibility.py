"""The table of operations that README shows, made from what is declared. Pure."""

from gateway.operations import Level, Operation, subresources
from gateway.ops import s3

_LEVELS = list(Level)


def operations_table() -> str:
    """Markdown, one row for each sub-resource, services first and then buckets and objects."""
    rows: dict[str, list[Operation]] = {}
    for operation in sorted(s3.by_name.values(), key=_order):
        rows.setdefault(_resource(operation), []).append(operation)
    lines = ["| Resource | Built | Answers `NotImplemented` |", "|---|---|---|"]
    for resource, operations in rows.items():
        built = ", ".join(one.name for one in operations if one.handler is not None)
        planned = ", ".join(one.name for one in operations if one.handler is None)
        lines.append(f"| `{resource}` | {built} | {planned} |")
    return "\n".join(lines)


def _order(operation: Operation) -> tuple[int, str, str]:
    return _LEVELS.index(operation.level), _resource(operation), operation.name


def _resource(operation: Operation) -> str:
    """The URI without parameters that have a value."""
    path = operation.uri.partition("?")[0].replace("+", "")
    key = next(iter(sorted(subresources(operation.uri))), "")
    return f"{path}?{key}" if key else path
