"""Settings: where they come from, who wins, and what a wrong one is told."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocean.config import Address, ConfigError, Loaded, Size, load
from ocean.config.show import MASK, as_json, as_text
from ocean.config.sources import leaves


def from_text(tmp_path: Path, text: str, **environ: str) -> Loaded:
    file = tmp_path / "ocean.toml"
    file.write_text(text)
    return load(environ=environ, file=file)


def problems(tmp_path: Path, text: str = "", **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, text, **environ)
    return caught.value.problems


def test_defaults_need_nothing() -> None:
    loaded = load(environ={})
    assert loaded.config.listen == "127.0.0.1:9000"
    assert loaded.config.durability == "commit"
    assert {origin.place for origin in loaded.origins.values()} == {"default"}


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "ocean.toml"
    file.write_text('workers = 2\nregion = "eu-west-1"\ndata = "/from/file"\n')
    environ = {"OCEAN_WORKERS": "3", "OCEAN_REGION": "eu-north-1", "OCEAN_CONFIG": str(file)}
    loaded = load(flags={"workers": "4", "data": None}, environ=environ)
    assert loaded.config.workers == 4
    assert loaded.config.region == "eu-north-1"
    assert loaded.config.data == Path("/from/file")
    assert loaded.origins["workers"].place == "--workers"
    assert loaded.origins["region"].place == "OCEAN_REGION"
    assert loaded.origins["data"].place == f"{file}:3"
    assert loaded.origins["listen"].place == "default"


@pytest.mark.parametrize("name", sorted(leaves()))
def test_every_key_has_a_variable_that_counts(name: str) -> None:
    """Each setting can be given by its variable, and is then said to come from there."""
    leaf = leaves()[name]
    special = {
        "durability": "relaxed",
        "log.level": "debug",
        "log.format": "json",
        "defaults": "aws",
        "new_buckets.ownership": "ObjectWriter",
        "new_buckets.public_access": "blocked",
        "new_buckets.encryption": "AES256",
        "new_buckets.sse_c": "blocked",
    }
    value = (special | {"blobs.live_ratio": "0.25"}).get(name)
    if value is None:
        value = {bool: "true", Address: "0.0.0.0:1", Size: "5MiB"}.get(type(leaf.default), "7")
    partners = {
        "root.access_key": "root.secret_key",
        "admin.access_key": "admin.secret_key",
        "tls.certificate": "tls.key",
    }
    partners |= {second: first for first, second in partners.items()}
    environ = {leaf.variable: value}
    if name in partners:
        environ[leaves()[partners[name]].variable] = value
    loaded = load(environ=environ)
    assert loaded.origins[name].place == leaf.variable
    holder = getattr(loaded.config, leaf.section) if leaf.section else loaded.config
    assert getattr(holder, leaf.key) != leaf.default


def test_the_issue_s_variables_exist() -> None:
    names = "DATA LISTEN ADMIN_LISTEN WORKERS REGION DOMAINS METASTORE CACHE DURABILITY"
    names += " ROOT_ACCESS_KEY ROOT_SECRET_KEY MASTER_KEY_FILE"
    assert {f"OCEAN_{name}" for name in names.split()} <= {
        leaf.variable for leaf in leaves().values()
    }


def test_variables_of_one_setting_only() -> None:
    variables = [leaf.variable for leaf in leaves().values()]
    assert len(variables) == len(set(variables))


def test_unknown_keys_are_named_with_their_line(tmp_path: Path) -> None:
    text = '# a comment\nregion = "eu-west-1"\n\n[limits]\nbody_seconds = 5\nbdy_seconds = 6\n'
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"{tmp_path}/ocean.toml:6: unknown key limits.bdy_seconds")
    assert "body_seconds" in problem


def test_unknown_tables_and_variables_are_named(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[limit]\nbody_seconds = 5\n")
    assert re.search(r"ocean\.toml:2: unknown key limit\.body_seconds.*limits", problem)
    (problem,) = problems(tmp_path, "", OCEAN_WORKER="2")
    assert problem.startswith("OCEAN_WORKER: unknown variable")
    assert "OCEAN_WORKERS" in problem


def test_test_variables_are_exempt() -> None:
    assert load(environ={"OCEAN_TEST_ANYTHING": "1", "OTHER": "2"}) == load(environ={})


def test_an_empty_variable_is_not_given() -> None:
    assert load(environ={"OCEAN_WORKERS": ""}).origins["workers"].place == "default"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OCEAN_WORKERS", "many", "a whole number"),
        ("OCEAN_WORKERS", "-1", "a whole number"),
        ("OCEAN_LISTEN", "9000", "HOST:PORT"),
        ("OCEAN_LISTEN", "localhost:99999", "HOST:PORT"),
        ("OCEAN_DURABILITY", "none", "one of commit, relaxed"),
        ("OCEAN_METRICS_PUBLIC", "perhaps", "true or false"),
        ("OCEAN_BLOBS_VOLUME_SIZE", "12 parsecs", "a size in bytes"),
        ("OCEAN_LIMITS_BODY_SECONDS", "0", "a number"),
        ("OCEAN_REGION", "EU West", "a text"),
    ],
)
def test_wrong_values_are_named_with_what_was_expected(
    tmp_path: Path, variable: str, value: str, expected: str
) -> None:
    (problem,) = problems(tmp_path, "", **{variable: value})
    assert problem.startswith(f"{variable}: ")
    assert f"expected {expected}" in problem


def test_all_wrong_values_are_told_at_once(tmp_path: Path) -> None:
    assert (
        len(
            problems(
                tmp_path, 'workers = "two"\nlisten = 9000\n', OCEAN_CACHE="x y", OCEAN_REGION="!"
            )
        )
        == 3
    )


def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "workers = = 2")
    assert "not a TOML file" in problem
    assert "\n" not in problem
    with pytest.raises(ConfigError, match="cannot be read"):
        load(environ={}, file=tmp_path / "absent")


def test_halves_of_pairs_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "", OCEAN_ROOT_ACCESS_KEY="AKEY")
    assert (
        problem == "OCEAN_ROOT_ACCESS_KEY: root.access_key is given: expected root.secret_key too"
    )


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    secret = "planted-secret-0123456789"
    loaded = load(environ={"OCEAN_ROOT_ACCESS_KEY": "AKEY", "OCEAN_ROOT_SECRET_KEY": secret})
    assert loaded.config.root.secret_key == secret
    assert secret not in as_text(loaded) + as_json(loaded)
    shown = json.loads(as_json(loaded))["root.secret_key"]
    assert shown == {
        "value": MASK,
        "origin": "OCEAN_ROOT_SECRET_KEY",
        "variable": "OCEAN_ROOT_SECRET_KEY",
    }


@given(st.integers(0, 1 << 50))
def test_a_size_reads_back_what_it_shows(size: int) -> None:
    assert Size.read(str(Size(size))) == size


@given(st.text(max_size=30))
def test_any_text_is_a_size_an_address_or_refused(text: str) -> None:
    for kind in (Size, Address):
        try:
            value = kind.read(text)
        except ValueError:
            continue
        assert kind.read(str(value)) == value


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:9000", "127.0.0.1", 9000, True),
        ("[::1]:0", "::1", 0, True),
        ("localhost:1", "localhost", 1, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::]:80", "::", 80, False),
        ("store.example.com:443", "store.example.com", 443, False),
        ("127.evil.example:443", "127.evil.example", 443, False),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    address = Address.read(text)
    assert (address.host, address.port, address.loopback) == (host, port, loopback)
