"""The kind of struct that inputs, outputs and documents are: frozen, built by keywords. Pure."""

from typing import Any, dataclass_transform

import msgspec


class ShapeMeta(msgspec.StructMeta):
    """Makes every subclass frozen and its fields keywords, so that no class repeats it."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> Any:
        config = {"frozen": True, "kw_only": True, "gc": False, **config}
        return super().__new__(cls, name, bases, namespace, **config)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class Shape(msgspec.Struct, metaclass=ShapeMeta, frozen=True, kw_only=True):
    """A frozen struct whose fields are given by keyword. It never refers to itself."""
