"""Names of blobs."""

import pytest

from blobstore.ids import BlobName, BlobNames, parse


def test_names_are_fresh_ascending_and_parse_back() -> None:
    names = BlobNames(0xAB)
    made = [names.fresh() for _ in range(300)]
    assert made == sorted(set(made))
    assert [parse(name) for name in made] == [BlobName(0xAB, n) for n in range(300)]
    assert BlobNames(0xAC).fresh() > made[-1]


@pytest.mark.parametrize(
    "name",
    [
        *("", "x", "000000ab", "000000AB-000000000001", "000000ab_000000000001"),
        *(" 00000ab-000000000001", "000000ab-00000000001", "000000ab-0000000000011"),
        *("0x0000ab-000000000001", "é" * 21),
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        parse(name)


@pytest.mark.parametrize("epoch", [-1, 1 << 32])
def test_an_epoch_has_32_bits(epoch: int) -> None:
    with pytest.raises(ValueError):
        BlobNames(epoch)
