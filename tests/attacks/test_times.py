"""Requests that are too old, too new or valid for too long, to the second."""

from types import SimpleNamespace

import pytest

from gateway.wire import dates
from metastore.engine import Table
from tests.support.inprocess import Answer, InProcess
from tests.support.posting import SIGNERS, Form
from tests.support.signing import FORMS, Choices, Signed

NOW = 1_767_225_600  # 2026-01-01T00:00:00Z: a second earlier is another day
DENIED = {"AccessDenied", "RequestTimeTooSkewed", "AuthorizationQueryParametersError"}


@pytest.fixture
async def gateway(monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """A gateway whose clock stands at NOW, with a bucket."""
    clock = SimpleNamespace(time=lambda: float(NOW))
    monkeypatch.setattr("gateway.authenticate.time", clock)
    gateway = await InProcess.begin()
    made = FORMS["header"]("PUT", "/bucket", {}, Choices(now=NOW))
    assert (await gateway.ask("PUT", *made)).status == 200
    gateway.touched.clear()
    return gateway


async def put(gateway: InProcess, signed: Signed) -> Answer:
    answer = await gateway.ask("PUT", *signed, b"hello")
    if answer.status != 200:
        assert (gateway.touched.written, gateway.touched.blobs) == ([], [])
        assert set(gateway.touched.read) <= {Table.IDENTITIES}
    return answer


@pytest.mark.parametrize("form", ["header", "header-v2"])
@pytest.mark.parametrize(
    ("offset", "code"),
    [
        (-86_400, "RequestTimeTooSkewed"),
        (-901, "RequestTimeTooSkewed"),
        (-900, ""),
        (-1, ""),
        (0, ""),
        (899, ""),
        (900, ""),
        (901, "RequestTimeTooSkewed"),
        (86_400 * 365, "RequestTimeTooSkewed"),
    ],
)
async def test_skew_of_signed_headers(
    gateway: InProcess, form: str, offset: int, code: str
) -> None:
    signed = FORMS[form]("PUT", "/bucket/key", {}, Choices(now=NOW + offset))
    answer = await put(gateway, signed)
    assert (answer.status, answer.code) == ((403, code) if code else (200, ""))


@pytest.mark.parametrize(
    ("offset", "expires", "works"),
    [
        (-599, "600", True),
        (-600, "600", False),
        (-601, "600", False),
        (0, "1", True),
        (-1, "1", False),
        (-604_799, "604800", True),
        (-604_800, "604800", False),
        (900, "600", True),
        (901, "600", False),
        (86_400, "604800", False),
    ],
)
async def test_the_life_of_presigned_urls(
    gateway: InProcess, offset: int, expires: str, works: bool
) -> None:
    choices = Choices(now=NOW + offset, expires=expires)
    answer = await put(gateway, FORMS["query"]("PUT", "/bucket/key", {}, choices))
    assert (answer.status, answer.code) == ((200, "") if works else (403, "AccessDenied"))


@pytest.mark.parametrize("offset", [-1, 0, 1, 86_400 * 365])
async def test_the_life_of_presigned_urls_of_sigv2(gateway: InProcess, offset: int) -> None:
    choices = Choices(now=NOW, expires=str(offset))
    answer = await put(gateway, FORMS["query-v2"]("PUT", "/bucket/key", {}, choices))
    assert (answer.status, answer.code) == ((200, "") if offset > 0 else (403, "AccessDenied"))


@pytest.mark.parametrize(
    "expires",
    [
        "0",
        "-1",
        "604801",
        "9" * 20,
        "9" * 5000,
        "",
        " ",
        "1e3",
        "0x10",
        "+600",
        "6_0",
        "٦٠٠",
        "1.5",
    ],
)
async def test_lives_that_are_none(gateway: InProcess, expires: str) -> None:
    choices = Choices(now=NOW, expires=expires)
    answer = await put(gateway, FORMS["query"]("PUT", "/bucket/key", {}, choices))
    assert answer.status in {400, 403}
    assert answer.code in DENIED


@pytest.mark.parametrize("expires", ["", " ", "x", "-1", "9" * 5000, "1e10", "٣", "1767226200.5"])
async def test_ends_of_sigv2_that_are_none(gateway: InProcess, expires: str) -> None:
    made = FORMS["query-v2"]("PUT", "/bucket/key", {}, Choices(now=NOW))
    start, _, rest = made.target.partition("Expires=")
    target = f"{start}Expires={expires}&{rest.partition('&')[2]}"
    answer = await put(gateway, Signed(target, made.headers))
    assert answer.status in {400, 403}


@pytest.mark.parametrize("form", ["header", "query", "header-v2"])
@pytest.mark.parametrize(
    "date",
    [
        "",
        "x",
        "20260101",
        "20260101T000000",
        "2026-01-01T00:00:00Z",
        "20261301T000000Z",
        "20260101T250000Z",
        "٢0260101T000000Z",
        "20260101T000000Z ",
        "0" * 5000,
        "Thu, 99 Jan 2026 00:00:00 GMT",
    ],
)
async def test_dates_that_are_none(gateway: InProcess, form: str, date: str) -> None:
    right, headers = FORMS[form]("PUT", "/bucket/key", {}, Choices(now=NOW))
    name = "date" if form == "header-v2" else "x-amz-date"
    if form == "query":
        signed = Signed(right.replace(dates.basic(NOW), date.replace(" ", "%20")), headers)
    else:
        signed = Signed(right, headers | {name: date})
    answer = await put(gateway, signed)
    assert answer.status in {400, 403}


@pytest.mark.parametrize("form", ["header", "query"])
async def test_a_scope_of_yesterday(gateway: InProcess, form: str) -> None:
    """One second before midnight is within the skew, but its scope must be of its own day."""
    choices = Choices(now=NOW - 1)
    assert (await put(gateway, FORMS[form]("PUT", "/bucket/key", {}, choices))).status == 200
    gateway.touched.clear()
    for day in ("20260101", "20251230", "99991231"):
        wrong = FORMS[form]("PUT", "/bucket/key", {}, choices._replace(day=day))
        assert (await put(gateway, wrong)).status == 400


@pytest.mark.parametrize("version", ["v4", "v2"])
@pytest.mark.parametrize(
    ("expiration", "works"),
    [
        ("2026-01-01T00:00:01Z", True),
        ("2026-01-01T00:00:00.001Z", True),
        ("2026-01-01T00:00:00Z", False),
        ("2025-12-31T23:59:59Z", False),
        ("9999-12-31T23:59:59Z", True),
    ],
)
async def test_the_end_of_a_policy(
    gateway: InProcess, monkeypatch: pytest.MonkeyPatch, version: str, expiration: str, works: bool
) -> None:
    monkeypatch.setattr("tests.support.posting.dates.iso", lambda _: expiration)
    form = Form(SIGNERS[version]({"key": "key"}, Choices(now=NOW)))
    answer = await gateway.ask("POST", "/bucket", form.headers, form.body)
    assert (answer.status, answer.code) == ((204, "") if works else (403, "AccessDenied"))
