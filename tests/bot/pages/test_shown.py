"""Hostile texts as a page shows them."""

from bot.pages.shown import language_of, moment, shown


def test_ordinary_texts_stay_as_they_are() -> None:
    for text in ("Where is it?", "我的订单在哪里？", "איפה שָׁלוֹם", "أين طلبي", "👩‍👩‍👧 ok\n\tline", "ट्रैकिंग"):
        assert shown(text) == text


def test_what_turns_the_writing_around_is_left_out() -> None:
    assert shown("a\u202etxt.exe\u202c\u2066b\u2069\u200f") == "atxt.exeb"


def test_control_characters_are_marked() -> None:
    assert shown("a\0b\x1b[31m\x85\ud800") == "a\ufffdb\ufffd[31m\ufffd\ufffd"


def test_letters_do_not_climb_out_of_their_line() -> None:
    zalgo = "e" + "\u0301" * 500 + "f" + "\u0489" * 3
    assert shown(zalgo) == "e" + "\u0301" * 4 + "f" + "\u0489" * 3


def test_a_huge_text_is_cut() -> None:
    assert shown("x" * 10_000, 10) == "xxxxxxxxxx…"
    assert shown("x" * 10, 10) == "xxxxxxxxxx"
    assert shown("e" + "\u0301" * 100_000, 10) == "e" + "\u0301" * 4 + "…"
    assert len(shown("\u202e" * 100_000 + "x")) <= 1


def test_nothing_is_nothing() -> None:
    assert (shown(None), shown(""), moment(None), language_of(None)) == ("", "", "", "")


def test_the_language_is_told_where_the_script_tells_it() -> None:
    assert [language_of(text) for text in ("我的订单", "注文はどこ", "order", "한국어")] == ["zh", "ja", "", ""]


def test_a_time_is_in_utc_to_the_minute() -> None:
    assert moment(1_800_000_000.0) == "2027-01-15 08:00"
