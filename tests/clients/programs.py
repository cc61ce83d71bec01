"""Clients as programs that act for one account, with the settings that all their tests share."""

from pathlib import Path

from tests.clients.accounts import ROOT, Account
from tests.clients.preloaded import Preloaded, PreloadedAws
from tests.clients.s3api import S3Api
from tests.support.files import write
from tests.support.programs import Program
from tests.support.server import REGION, Server


def aws_of(server: Server, folder: Path, account: Account = ROOT) -> Program:
    """The AWS CLI, without retries."""
    return Program(["aws"], folder, _aws_variables(server, account))


def s3api_of(preloaded: Preloaded, server: Server, folder: Path, account: Account = ROOT) -> S3Api:
    """The same with its `s3api` commands, without what starting it costs."""
    return S3Api(PreloadedAws(preloaded, folder, _aws_variables(server, account)))


def _aws_variables(server: Server, account: Account) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": account.access_key,
        "AWS_SECRET_ACCESS_KEY": account.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def s3cmd_of(server: Server, folder: Path, account: Account = ROOT) -> Program:
    """s3cmd with a configuration file of what `make run` prints and nothing else."""
    config = f"""[default]
access_key = {account.access_key}
secret_key = {account.secret_key}
host_base = {server.host}
host_bucket = {server.host}
use_https = False
bucket_location = {REGION}
"""
    file = write(folder / f"{account.access_key}.cfg", config.encode())
    return Program(["s3cmd", "--config", str(file)], folder)


def restic_of(server: Server, folder: Path, bucket: str) -> Program:
    """restic with a repository in `bucket`, which it makes if it is not there."""
    variables = {
        "AWS_ACCESS_KEY_ID": ROOT.access_key,
        "AWS_SECRET_ACCESS_KEY": ROOT.secret_key,
        "AWS_DEFAULT_REGION": REGION,
        "RESTIC_REPOSITORY": f"s3:{server.endpoint}/{bucket}/repository",
        "RESTIC_PASSWORD": "secret",
        "GOMAXPROCS": "2",
    }
    return Program(["restic"], folder, variables)


def rclone_of(server: Server, folder: Path) -> Program:
    """rclone with the server as its remote `ocean`, without retries."""
    config = f"""[ocean]
type = s3
provider = Other
access_key_id = {ROOT.access_key}
secret_access_key = {ROOT.secret_key}
endpoint = {server.endpoint}
region = {REGION}
"""
    path = write(folder / "rclone.conf", config.encode())
    once = ("--retries", "1", "--low-level-retries", "1")
    return Program(["rclone", "--config", str(path), *once], folder)
