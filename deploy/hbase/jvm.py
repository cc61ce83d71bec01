"""What the scripts here share: the jars of HBase, and how Java runs them."""

import fcntl
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
            # Our output is read: Maven's, terminal sequences even when quiet, is none of it.
            subprocess.run(
                [*command, "dependency:copy-dependencies"], stdout=sys.stderr, check=True
            )
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
