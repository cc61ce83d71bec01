"""Paired rounds: what is compared with what, and a real pair."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import pairs, workloads
from bench.__main__ import main
from bench.fill import sizes
from bench.pairs import PairsFile, load_side, pair_suite
from bench.rounds import Round, invalid, ratios
from bench.workloads import WORKLOADS, Parameters
from tests.support.measured import result
from tests.support.server import ACCESS_KEY, SECRET_KEY, Server


def rounds(*rates: tuple[float, float]) -> list[Round]:
    return [
        Round(result("put-4k", ops_per_second=a), result("put-4k", ops_per_second=b))
        for a, b in rates
    ]


def test_sizes_are_log_uniform() -> None:
    drawn = sizes(6000)
    assert min(drawn) >= 1 << 10
    assert max(drawn) <= 64 << 10
    for low in range(10, 16):
        assert 800 < sum(1 << low <= size < 2 << low for size in drawn) < 1200, "a sixth each"


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    found = {each.measure: each for each in ratios({"x": rounds((10, 5), (30, 10), (4, 4))})}
    rate = found["ops/s"]
    assert (rate.first, rate.second) == (10, 5)
    assert (rate.ratio, rate.least, rate.most) == (2, 1, 3)
    assert found["cpu us/op"].ratio == 1


def test_a_figure_that_one_round_lacks_is_not_compared() -> None:
    both = [*rounds((1, 1)), Round(result("put-4k", server=None), result("put-4k"))]
    assert "cpu us/op" not in {each.measure for each in ratios({"x": both})}


def test_rounds_with_errors_are_named() -> None:
    good, bad = result("put-4k"), result("put-4k", errors={"503": 2})
    assert invalid({"x": [Round(good, good), Round(good, bad)]}) == ["x, round 2, second: 503"]


def test_every_run_has_a_workload() -> None:
    for parameters in pair_suite(Parameters("put")).values():
        assert parameters.workload in WORKLOADS


@pytest.mark.parametrize("text", ["label = 1", 'label = "x"', "nothing", 'colour = "red"'])
def test_a_side_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "side.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"side\.toml"):
        load_side(file)


@pytest.mark.slow
def test_a_pair_of_a_server_with_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pairs, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(workloads, "GET_OBJECTS", 50)
    few = {
        name: replace(one, count=50, duration=0.3, warm_up=0)
        for name, one in pair_suite(Parameters("put")).items()
    }
    monkeypatch.setattr("bench.__main__.pair_suite", lambda _base: few)
    with Server(tmp_path / "server") as server:
        files = []
        for label in ("one", "other"):
            before = ["touch", str(tmp_path / f"before-{label}")]
            side: dict[str, Any] = {
                "label": label,
                "endpoint": server.endpoint,
                "access_key": ACCESS_KEY,
                "secret_key": SECRET_KEY,
                "pids": [server.process.pid],
                "before": before,
            }
            file = tmp_path / f"{label}.toml"
            lines = [f"{name} = {json.dumps(value)}" for name, value in side.items()]
            file.write_text("\n".join(lines))
            files.append(str(file))
        out = tmp_path / "out.json"
        words = ["--rounds", "2", "--only", "get-4k,delete"]
        # What the machine stood still in is invalid; hardly each of three times.
        assert any(main(["pairs", *files, *words, "--json", str(out)]) == 0 for _ in range(3))
        said = capsys.readouterr().out
        s3 = server.client()
        s3.create_bucket(Bucket="b-trickle")
        s3.put_object(Bucket="b-trickle", Key="k", Body=b"x")
        beside = ["b-trickle", "--rate", "50", "--seconds", "1"]

        def trickled() -> int:
            assert main(["trickle", files[0], *beside]) == 0
            return int(capsys.readouterr().out.splitlines()[-1].split(" of 200")[0])

        assert any(40 <= trickled() <= 52 for _ in range(3))
        assert main(["fill", files[0], "b-fill", "--count", "50"]) == 0
        said_of_filling = capsys.readouterr().out
        lengths = [entry["Size"] for entry in s3.list_objects_v2(Bucket="b-fill")["Contents"]]
        assert lengths == sizes(50)
        assert said_of_filling == f"50 objects, {sum(lengths):,} bytes\n"
    assert (tmp_path / "before-other").exists()
    kept = msgspec.json.decode(out.read_bytes(), type=PairsFile)
    assert {name: len(each) for name, each in kept.rounds.items()} == {"get-4k": 2, "delete": 2}
    assert all(one.second.valid for each in kept.rounds.values() for one in each)
    assert "get-4k ops/s" in said
