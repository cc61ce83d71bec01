"""pgBackRest of Debian with PostgreSQL 15, over TLS: WAL and backups in an encrypted bucket.

Its retries of requests cannot be turned off, but it counts them: there must have been none.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.secure import encrypt_by_default, over_tls
from tests.support import folders
from tests.support.files import write
from tests.support.postgres import Postgres
from tests.support.programs import Program
from tests.support.server import ACCESS_KEY, REGION, SECRET_KEY, Server

pytestmark = pytest.mark.slow

CONFIGURATION = """[global]
repo1-type=s3
repo1-s3-bucket={bucket}
repo1-s3-endpoint=127.0.0.1
repo1-storage-port={port}
repo1-storage-ca-file={folder}/trusted.pem
repo1-s3-uri-style=path
repo1-s3-region={region}
repo1-s3-key={access_key}
repo1-s3-key-secret={secret_key}
repo1-path=/repository
repo1-retention-full=1
compress-level=1
start-fast=y
process-max=2
job-retry=0
log-level-console=detail
log-level-file=detail
log-subprocess=y
log-path={folder}
lock-path={folder}/locks
spool-path={folder}/spool

[main]
pg1-path={folder}/data
pg1-socket-path={folder}
pg1-user=postgres
"""
ROWS = """INSERT INTO rows (body)
SELECT (SELECT string_agg(md5(random()::text || n || part), '') FROM generate_series(1, 16) AS part)
FROM generate_series(1, {count}) AS n"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """pgBackRest speaks to S3 over TLS only, and looks for addresses among the names of hosts."""
    with over_tls(tmp_path_factory.mktemp("tls"), hosts=["127.0.0.1"]) as running:
        yield running


@pytest.fixture
def bucket(server: Server, tmp_path: Path) -> str:
    """It encrypts what is put into it."""
    name = tmp_path.name.replace("_", "-")
    client = server.client()
    client.create_bucket(Bucket=name)
    encrypt_by_default(client, name)
    return name


@pytest.fixture
def postgres(server: Server, bucket: str) -> Iterator[Postgres]:
    """It archives through pgBackRest, which is configured in its folder."""
    folder = folders.made("postgres")
    file = configure(server, bucket, folder)
    archive = f"pgbackrest --config={file} --stanza=main archive-push %p"
    made = Postgres(folder, {"archive_mode": "on", "archive_command": archive})
    try:
        made.make()
        made.start()
        yield made
        made.stop()
        check_without_retries(folder)
    finally:
        made.close()


def configure(server: Server, bucket: str, folder: Path) -> Path:
    """The file of it; the certificate goes to where the user of PostgreSQL may read it."""
    assert server.certificate is not None
    write(folder / "trusted.pem", Path(server.certificate).read_bytes())
    text = CONFIGURATION.format(
        bucket=bucket,
        port=server.port,
        region=REGION,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        folder=folder,
    )
    return write(folder / "pgbackrest.conf", text.encode())


def check_without_retries(folder: Path) -> None:
    """Every process of pgBackRest tells at its end what it did, and how often again."""
    said = "".join(file.read_text() for file in folder.glob("*.log"))
    assert re.search(r'statistics: \{.*"http.request":', said)
    assert re.findall(r'"\w+\.retry":.*', said) == []


@pytest.fixture
def pgbackrest(postgres: Postgres) -> Program:
    """It has made its stanza, and rows wait to be backed up."""
    config = f"--config={postgres.folder / 'pgbackrest.conf'}"
    made = postgres.program("pgbackrest", config, "--stanza=main")
    made("stanza-create")
    postgres.sql("CREATE TABLE rows (id serial PRIMARY KEY, body text)")
    postgres.sql(ROWS.format(count=24_000))
    return made


def rows(postgres: Postgres) -> str:
    """How many there are, and a digest of all of them."""
    return postgres.sql("SELECT count(*), md5(string_agg(body, '' ORDER BY id)) FROM rows")


def backups(pgbackrest: Program) -> list[str]:
    """The labels of those that it knows of, once it has verified all of them."""
    assert "status: error" not in pgbackrest("verify"), "it tells so, and succeeds all the same"
    (stanza,) = json.loads(pgbackrest("info", "--output=json", "--log-level-console=off"))
    assert stanza["status"]["message"] == "ok"
    return [backup["label"] for backup in stanza["backup"]]


def check_stored(client: Any, bucket: str, prefix: str) -> list[str]:
    """The keys below it; all is encrypted, and each segment of WAL has the digest in its name."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page["Contents"]]
    segments = 0
    for key in keys:
        got = client.get_object(Bucket=bucket, Key=key)
        content = got["Body"].read()
        assert got["ServerSideEncryption"] == "AES256", key
        segment = re.search(r"/[0-9A-F]{24}-([0-9a-f]{40})\.gz$", key)
        if segment:
            segments += 1
            assert hashlib.sha1(gzip.decompress(content)).hexdigest() == segment[1], key
    assert segments
    return keys


def test_full_and_incremental_backups(
    server: Server, bucket: str, postgres: Postgres, pgbackrest: Program
) -> None:
    client = server.client()
    pgbackrest("check")
    pgbackrest("backup", "--type=full")
    postgres.sql("DELETE FROM rows WHERE id <= 1000")
    postgres.sql(ROWS.format(count=2000))
    pgbackrest("backup", "--type=incr")
    full, incremental = backups(pgbackrest)
    assert re.fullmatch(re.escape(full) + r"_\d{8}-\d{6}I", incremental)
    postgres.sql(ROWS.format(count=3))
    expected = rows(postgres)
    postgres.stop()
    postgres.wipe()
    pgbackrest("restore")
    postgres.start()
    assert rows(postgres) == expected
    check_stored(client, bucket, "repository/archive/")
    folder = f"repository/backup/main/{full}/pg_data/base/5/"
    files = client.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
    assert any(file["ETag"].endswith('-2"') for file in files), "rows are uploaded in parts"


def test_recovery_to_a_restore_point_and_expiry(
    server: Server, bucket: str, postgres: Postgres, pgbackrest: Program
) -> None:
    """Small files go into bundles, of which a restore reads ranges."""
    pgbackrest("backup", "--type=full", "--repo1-bundle")
    (old,) = backups(pgbackrest)
    postgres.sql(ROWS.format(count=3))
    expected = rows(postgres)
    postgres.sql("SELECT pg_create_restore_point('before')")
    postgres.sql("DROP TABLE rows")
    postgres.stop()
    postgres.wipe()
    pgbackrest("restore", "--type=name", "--target=before", "--target-action=promote")
    postgres.start()
    assert rows(postgres) == expected
    keys = check_stored(server.client(), bucket, "repository/")
    assert any(f"/{old}/bundle/" in key for key in keys)
    assert any("/0000000100000000/" in key for key in keys), "WAL of the timeline before"
    pgbackrest("backup", "--type=full", "--repo1-bundle")
    (new,) = backups(pgbackrest)
    keys = check_stored(server.client(), bucket, "repository/")
    assert any(f"/{new}/bundle/" in key for key in keys)
    assert not any(f"/{old}/" in key for key in keys)
    assert not any("/0000000100000000/" in key for key in keys)
