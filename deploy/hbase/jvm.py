"""What the scripts here share: the jars of HBase, how Java runs them, and ports."""

import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
JARS = HERE / "target" / "lib"
OPENED = (  # to the reflection of HBase and its Netty, which Java 17 refuses otherwise
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.util.random",
    "java.base/sun.nio.ch",
)
_PR_SET_PDEATHSIG = 1
NO_JAVA = "deploy/hbase: Java is missing: apt install openjdk-17-jdk-headless"


def fetch_jars() -> None:
    """Fetch what is missing; one process at a time."""
    JARS.parent.mkdir(exist_ok=True)
    with (JARS.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = JARS.parent / "fetched"
        if done.exists() and done.stat().st_mtime >= (HERE / "pom.xml").stat().st_mtime:
            return
        print("Fetching the jars of HBase ...", file=sys.stderr, flush=True)
        command = ["mvn", "-B", "-q", "-ntp", "-f", str(HERE / "pom.xml")]
        try:
            subprocess.run([*command, "dependency:copy-dependencies"], check=True)
        except FileNotFoundError:
            sys.exit("deploy/hbase: Maven is missing: apt install maven")
        except subprocess.CalledProcessError:
            sys.exit("deploy/hbase: the jars of HBase could not be fetched")
        done.touch()


def java(folder: Path, program: str, log: Path, heap: str = "512m") -> list[str]:
    """The command that runs a program of this folder, as `folder`/conf says."""
    opens = [word for package in OPENED for word in ("--add-opens", f"{package}=ALL-UNNAMED")]
    return [
        "java", "-Xms64m", f"-Xmx{heap}", "-Xss512k", "-XX:+UseSerialGC",
        "-Djava.net.preferIPv4Stack=true",
        "-Dorg.apache.hbase.thirdparty.io.netty.tryReflectionSetAccessible=true",
        f"-Docean.log={log}",
        *opens, "--add-exports", "java.base/jdk.internal.misc=ALL-UNNAMED",
        "-cp", f"{folder / 'conf'}:{JARS}/*", str(HERE / program),
    ]  # fmt: skip


def end_with_parent() -> None:
    """Let the kernel kill this process as soon as the one that started it has ended."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended in between
        os.kill(os.getpid(), signal.SIGKILL)


def free_ports(count: int, pairs: int = 0) -> list[int]:
    """Ports that nobody listens on: `count` of them, then `pairs` whose next is free as well.

    Below those that outgoing connections take: they stay free while a program is started again.
    """
    found: list[int] = []
    while len(found) < count + pairs:
        port = random.SystemRandom().randrange(12_000, 32_000)
        wanted = {port, port + 1} if len(found) >= count else {port}
        if all(map(_is_free, wanted)) and not wanted & {*found, *(one + 1 for one in found)}:
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def serves(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, port)) == 0
