"""One cluster in one folder: its configuration, keys and daemons."""

import os
import random
import shutil
import string
import subprocess
import uuid
from pathlib import Path

from machine import PORTS, end_with_parent, is_free

HERE = Path(__file__).resolve().parent
PROGRAMS = ("ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "ceph-authtool", "monmaptool")
INSTALL = "apt install --no-install-recommends ceph-mon ceph-mgr ceph-osd ceph-common"
LONGEST = 70  # characters of the folder: sockets lie in it
COUNT = 100  # of the ports of one cluster
_ALL = "allow *"
_CAPS = {
    "mon.": {"mon": _ALL},
    "client.admin": {"mon": _ALL, "osd": _ALL, "mgr": _ALL},
    "mgr.x": {"mon": "allow profile mgr", "osd": _ALL},
}
_OSD_CAPS = {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": _ALL}
_NO_CONF = {**os.environ, "CEPH_CONF": "/dev/null"}


class Failed(Exception):
    """Something cannot be started; the text says why."""


class Cluster:
    """What is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "ceph.conf"
        self._keyring = folder / "keyring"
        self._environ = {**os.environ, "CEPH_CONF": str(self.conf)}

    @property
    def osds(self) -> list[str]:
        """Their names, such as osd.0."""
        return sorted(file.name.removeprefix("uuid.") for file in self.folder.glob("uuid.osd.*"))

    @property
    def mons(self) -> list[str]:
        """Their names, such as mon.a."""
        return sorted(folder.name for folder in self.folder.glob("mon.*") if folder.is_dir())

    def require(self) -> None:
        """Failed when Ceph is not installed, or the folder cannot be one of it."""
        missing = [name for name in PROGRAMS if shutil.which(name) is None]
        if missing:
            raise Failed(f"{missing[0]} is missing: {INSTALL}")
        if len(str(self.folder)) > LONGEST:
            raise Failed(f"the name of {self.folder} has more than {LONGEST} characters")

    def make(self, mons: int, osds: int, store: str, size: int, port: int) -> None:
        """Configuration, keys and the stores of the monitors."""
        letters = string.ascii_lowercase[:mons]
        for name in ("run", "log", "crash", "mgr.x", *(f"mon.{letter}" for letter in letters)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for osd in range(osds):
            (self.folder / f"uuid.osd.{osd}").write_text(str(uuid.uuid4()))
        fsid = str(uuid.uuid4())
        self._make_keys()
        monmap = str(self.folder / "monmap")
        at = {letter: f"[v2:127.0.0.1:{port + n}]" for n, letter in enumerate(letters)}
        addresses = [word for letter in at for word in ("--addv", letter, at[letter])]
        create = ["monmaptool", "--create", "--clobber", "--fsid", fsid, *addresses]
        self._call([*create, monmap], _NO_CONF)
        values = {"FSID": fsid, "FOLDER": self.folder, "STORE": store, "SIZE": size}
        values |= {"MONS": ",".join(at.values()), "FIRST": port + mons, "LAST": port + COUNT - 1}
        text = (HERE / "ceph.conf").read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        self.conf.write_text(text)
        keyring = str(self._keyring)
        for letter in letters:
            made = ["ceph-mon", "--mkfs", "-i", letter, "--monmap", monmap, "--keyring", keyring]
            self._call(made)

    def _make_keys(self) -> None:
        """All that there will be: the monitor knows every key in its first keyring."""
        self._call(["ceph-authtool", "--create-keyring", str(self._keyring)], _NO_CONF)
        for name, caps in (_CAPS | dict.fromkeys(self.osds, _OSD_CAPS)).items():
            words = [word for cap in caps.items() for word in ("--cap", *cap)]
            self._call(
                ["ceph-authtool", str(self._keyring), "--gen-key", "-n", name, *words], _NO_CONF
            )

    def has_quorum(self) -> bool:
        return bool(self.ask("quorum_status"))

    def is_up(self) -> bool:
        """Whether all OSDs are."""
        return f'"num_up_osds":{len(self.osds)},' in self.ask("osd", "stat", "-f", "json")

    def register(self) -> None:
        """Tell the monitor of OSDs that it does not know yet."""
        self.tell(
            *(f"osd new {self._uuid(osd)} {osd.removeprefix('osd.')}" for osd in self.osds),
            "config set mgr mgr/devicehealth/enable_monitoring false --force",
        )

    def make_stores(self) -> None:
        """Of the OSDs that have none; what memstore held went with its process."""
        makers = {osd: self._make_store(osd) for osd in self.osds if not self._has_store(osd)}
        for osd, maker in makers.items():
            said, _ = maker.communicate()
            if maker.returncode:
                raise Failed(f"{osd}: {said.strip()}")

    def _has_store(self, osd: str) -> bool:
        kept = "objectstore = bluestore" in self.conf.read_text()
        return kept and (self.folder / osd / "ready").exists()

    def _make_store(self, osd: str) -> "subprocess.Popen[str]":
        shutil.rmtree(self.folder / osd, ignore_errors=True)
        (self.folder / osd).mkdir()
        number = osd.removeprefix("osd.")
        return subprocess.Popen(
            ["ceph-osd", "-i", number, "--mkfs", "--osd-uuid", self._uuid(osd)],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _uuid(self, osd: str) -> str:
        return (self.folder / f"uuid.{osd}").read_text()

    def ask(self, *words: str) -> str:
        """What `ceph` answers; nothing when the monitor does not."""
        return self._ceph(list(words), "")

    def tell(self, *commands: str) -> None:
        """Several commands in one process of `ceph`: each start of it takes half a second."""
        self._ceph([], "".join(f"{command}\n" for command in commands))

    def _ceph(self, words: list[str], text: str) -> str:
        done = subprocess.run(
            ["ceph", "--connect-timeout", "10", *words],
            env=self._environ,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def begin(self, name: str) -> "subprocess.Popen[bytes]":
        """A daemon in the foreground, such as osd.0."""
        with (self.folder / "log" / f"{name}.out").open("ab") as out:
            return subprocess.Popen(
                self._command(name),
                env=self._environ,
                stdout=out,
                stderr=out,
                preexec_fn=end_with_parent,
            )

    def become(self, name: str) -> None:
        """Go on as that daemon."""
        if name in self.osds and not self._has_store(name):
            self._make_store(name).communicate()
        os.environ["CEPH_CONF"] = str(self.conf)
        os.execvp(self._command(name)[0], self._command(name))

    def _command(self, name: str) -> list[str]:
        kind, _, number = name.partition(".")
        return [f"ceph-{kind}", "-f", "-i", number]

    def _call(self, command: list[str], environ: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            command, env=environ or self._environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Failed(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")


def free_ports() -> int:
    """The first of as many as a cluster needs that are free."""
    while True:
        first = random.SystemRandom().choice(PORTS[:-COUNT])
        if all(map(is_free, range(first, first + COUNT))):
            return first
