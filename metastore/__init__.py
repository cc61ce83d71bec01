"""Metadata: ordered rows with compare-and-set, in SQLite, HBase or memory."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from metastore.engine import Engine, Failed
from metastore.memory import MemoryEngine
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Options


def _ignore(_: Failed) -> None:
    """Every caller gets the failure anyway."""


def open_engine(
    url: str,
    *,
    options: Options = Options(),  # noqa: B008  (frozen)
    on_failure: Callable[[Failed], None] = _ignore,
) -> Engine:
    """The engine at `url`: `sqlite:///absolute/path`, `sqlite:relative/path` or `memory:`.

    `on_failure` is called once, on the loop, when a write or fsync failed and the process must end.

    Raises:
        ValueError: the URL is not one of these.
        EngineError: the engine cannot be opened.
    """
    scheme, host, path, query, fragment = urlsplit(url)
    if scheme == "sqlite":
        if not path.strip("/") or host or query or fragment:
            raise ValueError(f"{url!r}: expected sqlite:///absolute/path or sqlite:relative/path")
        return SqliteEngine(unquote(path), options, on_failure)
    if url == "memory:":
        return MemoryEngine()
    raise ValueError(f"{url!r}: unknown metadata engine; known: sqlite:///path, memory:")
