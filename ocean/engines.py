"""Which metadata engine and which blob store a configuration asks for."""

from collections.abc import Callable

from blobstore import BlobError, Blobs, open_files
from metastore.engine import Engine, EngineError, Failed
from metastore.sqlite import SqliteEngine
from metastore.sqlite_file import Durability, Options
from ocean.config import Config
from ocean.starting import StartError


def open_engine(config: Config, on_failure: Callable[[Failed], None]) -> Engine:
    """The engine of `config`, opened by this process; StartError."""
    if config.metastore != "embedded":
        raise StartError(f"metastore = {config.metastore}: expected embedded")
    folder = config.data / "meta"
    durability: Durability = "full" if config.durability == "commit" else "relaxed"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        options = Options(durability=durability)
        return SqliteEngine(str(folder / "ocean.sqlite"), options, on_failure)
    except (OSError, EngineError) as error:
        raise StartError(f"{folder}: the metadata cannot be opened: {error}") from error


def open_blobs(config: Config, epoch: int) -> Blobs:
    """The blob store of `config` for the process life `epoch`; StartError."""
    options = config.blobs
    try:
        return open_files(
            config.data / "blobs",
            epoch,
            reserve=options.reserve,
            threshold=options.small_threshold,
            volume_limit=options.volume_size,
        )
    except (OSError, BlobError) as error:
        raise StartError(f"{config.data}: the blobs cannot be opened: {error}") from error
