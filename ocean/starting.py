"""What must be true before a server may start on a data folder."""

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

from ocean.config import Config
from ocean.identity.naming import weakness
from ocean.identity.records import Credential

START_FAILED = 2  # exit status: something the operator can put right, told in one line
STORE_FAILED = 74  # exit status: a write or fsync failed, and nothing may be acknowledged any more
RESTORING = "restoring"  # file in a data folder that is not whole yet
_PATIENCE_SECONDS = 3.0  # for the last workers of a server that was killed
_POLL_SECONDS = 0.05


class StartError(Exception):
    """The server cannot start; the message is one line for the operator."""


def lock_folder(data: Path, *, shared: bool = False) -> int:
    """Make the folder and hold it for one server: a descriptor, inherited by the workers.

    `shared`: for one of several servers whose metadata is elsewhere.

    The lock ends with the last process that has it, so a new server never meets old workers.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"{data}: the data folder cannot be used: {error.strerror}") from error
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if _alive(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise StartError(
                    f"{data}: another server (pid {holder or 'unknown'}) uses this data folder"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def refuse_half_restored(data: Path) -> None:
    """StartError when a restore or a rebuild of the folder was broken off."""
    if (data / RESTORING).exists():
        what = (data / RESTORING).read_text("ascii", "replace").split()[:1] or ["restore"]
        raise StartError(f"{data}: `ocean {what[0]}` of this folder was broken off; run it again")


def stop_for_good(failure: Exception) -> NoReturn:
    """End a command whose writes cannot be trusted any more, with one line."""
    sys.stderr.write(f"ocean: {failure}\n")
    os._exit(STORE_FAILED)


def refuse_weak_root(config: Config, root: Credential) -> None:
    """StartError when others than this machine could use a pair that everyone knows."""
    reason = weakness(root.access_key, root.secret)
    for name, address in (("listen", config.listen), ("admin_listen", config.admin_listen)):
        if reason is not None and not address.loopback:
            raise StartError(
                f"{name} = {address} can be reached by others and root has {reason}; "
                "set OCEAN_ROOT_ACCESS_KEY and OCEAN_ROOT_SECRET_KEY to a pair of your own"
            )


def _alive(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()
