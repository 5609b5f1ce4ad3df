import pytest

from retrieval.spelling import spelling_of


@pytest.mark.parametrize(
    ("text", "wording", "likeness"),
    [
        ("where is my parcel", "Where is my parcel", 1.0),
        ("abcd", "abxd", 0.75),  # a b d of both: 2 * 3 / 8
        ("退款几天到帐", "退款几天到账", 10 / 12),
        ("ＡＢＣ", "abc", 1.0),
        ("abc", "xyz", 0.0),
        ("", "abc", 0.0),
    ],
)
def test_likeness_is_the_share_of_common_letters_in_their_order(text: str, wording: str, likeness: float) -> None:
    assert spelling_of(text, [[wording]]).tolist() == pytest.approx([likeness])


def test_the_nearest_wording_of_each_group_counts() -> None:
    assert spelling_of("abcd", [["wxyz", "abcd"], ["abxd"]]).tolist() == pytest.approx([1.0, 0.75])


def test_without_wordings_there_is_nothing() -> None:
    assert spelling_of("a", []).shape == (0,)
