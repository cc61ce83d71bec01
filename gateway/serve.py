"""`ocean serve`: everything that must be right before the first worker, then the supervisor."""

import asyncio
import os
import socket
import ssl
import sys

import msgspec

from gateway.banner import Endpoint, banner
from gateway.sockets import bind, tls_context
from gateway.supervisor import Supervisor, clean_metrics
from metastore.engine import EngineError
from metastore.formats import require_known
from ocean.config import Address, Config
from ocean.engines import begin_anew, check_folder, join_cache, open_engine, require_tables
from ocean.identity.errors import IdentityError
from ocean.identity.records import Credential
from ocean.identity.root import open_root
from ocean.identity.sealed import open_key
from ocean.keys.local import KeyFileError, SealError
from ocean.logs import set_up
from ocean.starting import (
    StartError,
    lock_folder,
    refuse_half_restored,
    refuse_weak_root,
    stop_for_good,
)


def serve(config: Config) -> int:
    """Run the server until it is told to end; the exit status. StartError."""
    config = msgspec.structs.replace(config, data=config.data.absolute())
    set_up(config.log, "supervisor")
    lock = lock_folder(config.data, shared=config.metastore != "embedded")
    refuse_half_restored(config.data)
    check_folder(config)
    if config.metastore != "embedded":
        require_tables(config)
    _check_tls(config)
    sockets = _bind("listen", config.listen), _bind("admin_listen", config.admin_listen)
    root = asyncio.run(_prepare(config))
    refuse_weak_root(config, root)
    clean_metrics(config)
    endpoint = Endpoint(
        host=config.listen.host,
        port=sockets[0].getsockname()[1],
        admin_host=config.admin_listen.host,
        admin_port=sockets[1].getsockname()[1],
        secure=config.tls.certificate is not None,
        region=config.region,
    )
    return asyncio.run(_supervise(config, sockets, lock, banner(config, endpoint, root)))


async def _supervise(
    config: Config, sockets: tuple[socket.socket, socket.socket], lock: int, text: str
) -> int:
    def say() -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    count = config.workers or len(os.sched_getaffinity(0))
    return await Supervisor(config, count, sockets, (lock,), say).run()


async def _prepare(config: Config) -> Credential:
    """Master key, metadata file and root, made before any worker needs them."""
    try:
        engine = open_engine(config, stop_for_good)
        try:
            await require_known(engine)
            key = await open_key(engine, config.master_key_file)
            await begin_anew(engine, config)
            await join_cache(engine, config)
            return await open_root(engine, key, config.root)
        finally:
            await engine.close()
    except (KeyFileError, SealError, IdentityError, EngineError) as error:
        raise StartError(str(error)) from error


def _bind(name: str, address: Address) -> socket.socket:
    try:
        return bind(address.host, address.port)
    except OSError as error:
        raise StartError(f"{name} = {address}: cannot listen there: {error.strerror}") from error


def _check_tls(config: Config) -> None:
    tls = config.tls
    if tls.certificate is None:
        return
    try:
        tls_context(str(tls.certificate), str(tls.key))
    except (OSError, ssl.SSLError) as error:
        raise StartError(
            f"tls.certificate = {tls.certificate}, tls.key = {tls.key}: cannot be used: {error}"
        ) from error
