"""A checkout of ceph/s3-tests, run in several processes that share nothing but the server."""

import configparser
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from tests.conformance.report import Outcome
from tests.support.server import Server

FOLDER = "s3tests/functional"
FILES = (f"{FOLDER}/test_s3.py", f"{FOLDER}/test_headers.py")
USERS = ("main", "alt", "tenant")
SECTIONS_OF_IAM = ("iam", "iam root", "iam alt root")  # demanded, for operations of other services
CASE_SECONDS = 120
KEYS = ("testkey-1", "testkey-2")  # that the cases of SSE-KMS name


class SuiteError(Exception):
    """The suite could not be run."""


class Checkout:
    """The suite, with a virtual environment of its own in `.venv`."""

    def __init__(self, folder: Path) -> None:
        if not (folder / FILES[0]).is_file():
            raise SuiteError(f"{folder} is no checkout of ceph/s3-tests")
        self._folder = folder
        self._python = folder / ".venv/bin/python"
        if not self._python.exists():
            self._install()

    def commit(self) -> str:
        """The commit that is checked out."""
        told = subprocess.run(
            ["git", "-C", str(self._folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout.strip() or "unknown"

    def cases(self, configuration: Path, *options: str) -> list[str]:
        """The ids, `file::case`, of the cases that pytest's `options` select."""
        told = subprocess.run(
            self._command(*options, "--collect-only", "-q", *FILES),
            cwd=self._folder,
            env=_environ(configuration),
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in told.stdout.splitlines() if line.startswith(FOLDER)]
        if not lines and told.returncode not in {0, 5}:  # 5: the options select no case
            raise SuiteError(f"pytest found no cases:\n{told.stdout}{told.stderr}")
        return [line.removeprefix(f"{FOLDER}/") for line in lines]

    def run(self, cases: Sequence[str], configurations: Sequence[Path]) -> dict[str, Outcome]:
        """Run the cases, a share of them for each configuration; how each ended."""
        processes = [
            self._start(cases[first :: len(configurations)], configuration)
            for first, configuration in enumerate(configurations)
        ]
        for process in processes:
            process.wait()
        found: dict[str, Outcome] = {}
        for configuration in configurations:
            results = configuration.with_suffix(".xml")
            if not results.exists():
                raise SuiteError(f"pytest ended:\n{configuration.with_suffix('.log').read_text()}")
            found |= outcomes(results.read_text())
        return found

    def _start(self, cases: Sequence[str], configuration: Path) -> "subprocess.Popen[bytes]":
        chosen = configuration.with_suffix(".cases")
        chosen.write_text("".join(f"{FOLDER}/{case}\n" for case in cases))
        with configuration.with_suffix(".log").open("w") as log:
            return subprocess.Popen(
                self._command(
                    *("-q", "--tb=short", "--color=no", f"--timeout={CASE_SECONDS}"),
                    f"--junitxml={configuration.with_suffix('.xml')}",
                    f"@{chosen}",
                ),
                cwd=self._folder,
                env=_environ(configuration),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._python), "-m", "pytest", *arguments]

    def _install(self) -> None:
        print("Installing what the suite needs ...", file=sys.stderr)
        python = str(self._python)
        install = [python, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
        for command in (
            [sys.executable, "-m", "venv", str(self._python.parents[1])],
            [*install, "pytest-timeout"],
        ):
            if subprocess.run(command, cwd=self._folder, check=False).returncode:
                raise SuiteError("the packages of the suite could not be installed")


def _environ(configuration: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "S3TEST_CONF": str(configuration)}


def outcomes(junit: str) -> dict[str, Outcome]:
    """How each case ended, of a report in JUnit's XML. A failing clean-up fails the case."""
    found: dict[str, Outcome] = {}
    for case in ET.fromstring(junit).iter("testcase"):
        module = case.get("classname", "").rpartition(".")[2]
        name = f"{module}.py::{case.get('name')}"
        outcome = Outcome.PASSED
        if case.find("skipped") is not None:
            outcome = Outcome.SKIPPED
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = Outcome.FAILED
        if found.get(name) is not Outcome.FAILED:
            found[name] = outcome
    return found


def configure(server: Server, path: Path) -> None:
    """Make users of the server and write the suite's configuration with them to `path`."""
    configuration = configparser.RawConfigParser()
    configuration["DEFAULT"] = {
        "host": "localhost",
        "port": str(server.port),
        "is_secure": "False",
        "ssl_verify": "False",
    }
    configuration["fixtures"] = {"bucket prefix": "conformance-{random}-"}
    for name in USERS:
        configuration[f"s3 {name}"] = _user(server, f"{name}-{path.stem}")
    configuration["s3 main"]["api_name"] = "us-east-1"
    configuration["s3 tenant"]["tenant"] = "tenant"
    nobody = dict.fromkeys(("access_key", "secret_key", "display_name", "user_id", "email"), "none")
    for section in SECTIONS_OF_IAM:
        configuration[section] = nobody
    with path.open("w") as file:
        configuration.write(file)


def make_keys(server: Server) -> None:
    """Make the encryption keys that cases name."""
    for name in KEYS:
        told = server.run("encryption-key", "create", name)
        if told.returncode:
            raise SuiteError(f"the key {name} could not be made: {told.stderr}")


def _user(server: Server, name: str) -> dict[str, str]:
    """Make a user; its section of the configuration."""
    keys = {
        "access_key": f"CONFORMANCE{name.upper().replace('-', '')}",
        "secret_key": f"the-secret-key-of-{name}",
    }
    told = server.run(
        *("admin", "user", "create", name, "--json", "--email", f"{name}@example.com"),
        *("--access-key", keys["access_key"], "--secret-key", keys["secret_key"]),
    )
    if told.returncode:
        raise SuiteError(f"the user {name} could not be made: {told.stderr}")
    made = json.loads(told.stdout)
    return {
        **keys,
        "user_id": made["canonical_id"],
        "display_name": made["display_name"],
        "email": made["email"],
    }
