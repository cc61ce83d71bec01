"""What a server says when it is ready: where it is, and lines that work as pasted. Pure."""

import json
from shlex import quote
from typing import NamedTuple

from ocean.config.schema import Config
from ocean.identity.records import Credential


class Endpoint(NamedTuple):
    """Where clients of this machine reach the server."""

    host: str
    port: int
    admin_host: str
    admin_port: int
    secure: bool
    region: str

    @property
    def authority(self) -> str:
        """HOST:PORT to connect to."""
        return _authority(self.host, self.port)

    @property
    def admin_url(self) -> str:
        return f"{self._scheme}://{_authority(self.admin_host, self.admin_port)}"

    @property
    def _scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.authority}"


def _authority(host: str, port: int) -> str:
    """What to connect to; an address that means "all" is reached on loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def banner(config: Config, endpoint: Endpoint, root: Credential) -> str:
    """The text, with line end."""
    rows = [
        ("Endpoint", endpoint.url),
        ("Admin", endpoint.admin_url),
        ("Region", endpoint.region),
        ("Access key", root.access_key),
        ("Secret key", root.secret),
        ("Data", str(config.data)),
    ]
    if config.durability != "commit":
        rows.append(("Durability", f"{config.durability}: a power cut may undo the last seconds"))
    table = "\n".join(f"  {name + ':':<12} {value}" for name, value in rows)
    lines = "\n".join(f"  {line(endpoint, root)}" for line in (_aws, _s3cmd, _boto3))
    return f"Ocean is ready.\n{table}\nTry one of:\n{lines}\n"


def _aws(endpoint: Endpoint, root: Credential) -> str:
    return (
        f"AWS_ACCESS_KEY_ID={quote(root.access_key)} AWS_SECRET_ACCESS_KEY={quote(root.secret)} "
        f"AWS_DEFAULT_REGION={endpoint.region} aws --endpoint-url {endpoint.url} s3 ls"
    )


def _s3cmd(endpoint: Endpoint, root: Credential) -> str:
    return (
        f"s3cmd --host={endpoint.authority} --host-bucket={endpoint.authority} "
        f"{'--ssl' if endpoint.secure else '--no-ssl'} --region={endpoint.region} "
        f"--access_key={quote(root.access_key)} --secret_key={quote(root.secret)} ls"
    )


def _boto3(endpoint: Endpoint, root: Credential) -> str:
    arguments = {
        "endpoint_url": endpoint.url,
        "region_name": endpoint.region,
        "aws_access_key_id": root.access_key,
        "aws_secret_access_key": root.secret,
    }
    given = ", ".join(f"{name}={json.dumps(value)}" for name, value in arguments.items())
    call = f'import boto3; print(boto3.client("s3", {given}).list_buckets()["Buckets"])'
    return f"python3 -c {quote(call)}"
