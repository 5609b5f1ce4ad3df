import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from configs import EncoderConfig
from nlu import language
from nlu.checkpoint import find_checkpoint
from nlu.language import SAMPLES, UNDECIDED, Detected, ScriptCoverage, detect_language, main_script, scripts

CHINESE_ENCODER = Path(__file__).parents[3] / "shared" / "models" / "multilingual-e5-small-zh-en" / "tokenizer.json"

needs_langid = pytest.mark.skipif(
    importlib.util.find_spec("py3langid") is None, reason="py3langid, the extra `languages`, is not installed"
)


@pytest.fixture(scope="module")
def english_encoder() -> ScriptCoverage:
    return ScriptCoverage.measure(Path(find_checkpoint(EncoderConfig(), Path()).source) / "tokenizer.json")


def vocabulary(path: Path, *words: str) -> Path:
    """A tokenizer of whole words, split at blanks."""
    ids = {word: number for number, word in enumerate(("[UNK]", *words))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(path))
    return path


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("", {}),
        ("12:30 ?!", {}),
        ("\u3002\uff0c\uff1f", {}),
        ("Where?", {"Latin": 1.0}),
        ("caf\u00e9", {"Latin": 1.0}),
        ("iPhone\u7684\u58f3", {"Latin": 0.75, "Han": 0.25}),
        ("\uff21\uff22\u7801", {"Latin": 2 / 3, "Han": 1 / 3}),
        ("\u3053\u308c\u306f\u672c", {"Kana": 0.75, "Han": 0.25}),
        ("\u0433\u0434\u0435 my", {"Cyrillic": 0.6, "Latin": 0.4}),
        ("\ud55c\uae00", {"Hangul": 1.0}),
        ("\U00020000", {"Han": 1.0}),
        ("\u10d0", {"other": 1.0}),
    ],
)
def test_letters_alone_are_counted_by_script(text: str, shares: dict[str, float]) -> None:
    assert scripts(text) == pytest.approx(shares)


@given(st.text())
def test_the_shares_of_any_text_make_one_whole_or_nothing(text: str) -> None:
    shares = scripts(text)

    assert sum(shares.values()) == pytest.approx(1.0 if any(map(str.isalpha, text)) else 0.0)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_there_is_a_sample_of_every_script() -> None:
    assert {next(iter(scripts(sample))) for sample in SAMPLES} == {"Latin", *language.LANGUAGES}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\u6211\u7684\u5feb\u9012\u5230\u54ea\u4e86", "zh"),
        ("iPhone 17\u7684\u58f3\u8fd8\u6709\u6ca1\u6709\u8d27", "zh"),
        ("\u8377\u7269\u306f\u3069\u3053\u3067\u3059\u304b", "ja"),
        ("\ud0dd\ubc30 \uc5b4\ub514\uc608\uc694", "ko"),
        ("\u03c0\u03bf\u03cd \u03b5\u03af\u03bd\u03b1\u03b9", "el"),
        ("\u0e1e\u0e31\u0e2a\u0e14\u0e38\u0e2d\u0e22\u0e39\u0e48\u0e44\u0e2b\u0e19", "th"),
    ],
)
def test_a_script_of_one_language_decides(text: str, code: str) -> None:
    assert detect_language(text).language == code


def test_confidence_is_the_share_of_the_script_where_a_han_character_weighs_three_letters() -> None:
    assert detect_language("\u7801\u7801 size") == Detected(language="zh", confidence=0.6)


@pytest.mark.parametrize("text", ["", "?!", "ok", "hallo", "\u597d", "\u0433\u0434\u0435"])
def test_too_few_letters_are_no_language(text: str) -> None:
    assert detect_language(text) == UNDECIDED


def test_the_one_candidate_in_the_script_is_taken() -> None:
    assert detect_language("Where is my parcel?", ("zh", "en")) == Detected(language="en", confidence=1.0)
    assert detect_language("\u6211\u8981\u9000\u8d27", ("zh-CN", "en")).language == "zh"


def test_a_text_in_no_candidate_s_script_stays_undecided() -> None:
    assert (
        detect_language(
            "\u0433\u0434\u0435 \u043c\u043e\u044f \u043f\u043e\u0441\u044b\u043b\u043a\u0430", ("zh", "ko")
        )
        == UNDECIDED
    )


@needs_langid
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Wo ist mein Paket? Ich warte seit zwei Wochen.", "de"),
        ("Je voudrais annuler ma commande", "fr"),
        ("Where is my parcel? I have waited two weeks.", "en"),
        ("quiero cancelar la compra que hice ayer", "es"),
    ],
)
def test_letters_tell_languages_of_one_script_apart(text: str, code: str) -> None:
    found = detect_language(text, ("en", "de", "fr", "es"))

    assert found.language == code
    assert 0.9 < found.confidence <= 1.0


def test_without_the_library_a_shared_script_stays_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_identifier", lambda: None)

    assert detect_language("Wo ist mein Paket geblieben?", ("en", "de")) == UNDECIDED
    assert detect_language("Wo ist mein Paket geblieben?", ("de",)).language == "de"


@pytest.mark.parametrize(("code", "script"), [("zh", "Han"), ("zh-CN", "Han"), ("ru", "Cyrillic"), ("en_GB", "Latin")])
def test_a_language_has_a_main_script(code: str, script: str) -> None:
    assert main_script(code) == script


def test_the_share_of_known_letters_is_counted_by_hand(tmp_path: Path) -> None:
    path = vocabulary(tmp_path / "tokenizer.json", "my", "parcel", "\u6211", "\u7684", "\u0433", "##\u0434", "##\u0435")

    known = ScriptCoverage.measure(path, ["my parcel late", "\u6211 \u7684 \u5305 \u88f9", "\u0433\u0434\u0435"]).known

    assert known["Latin"] == pytest.approx(8 / 12)  # my, parcel; not late
    assert known["Han"] == pytest.approx(2 / 4)
    assert known["Cyrillic"] == 0.0  # a letter at a time


def test_a_letter_that_is_a_word_counts_as_known(tmp_path: Path) -> None:
    path = vocabulary(tmp_path / "tokenizer.json", "a", "bag", "b", "##u")

    assert ScriptCoverage.measure(path, ["a bag", "bu"]).known["Latin"] == pytest.approx(4 / 6)


def test_the_default_encoder_covers_latin_letters_alone(english_encoder: ScriptCoverage) -> None:
    assert [script for script in english_encoder.known if english_encoder.covers(script)] == ["Latin"]
    assert english_encoder.known["Han"] < 0.4


def test_a_message_tells_how_much_of_it_is_in_letters_that_are_not_known(english_encoder: ScriptCoverage) -> None:
    assert english_encoder.uncovered_share("Where is my parcel?") == 0.0
    assert english_encoder.uncovered_share("caf\u00e9 \U0001f600 12") == 0.0
    assert english_encoder.uncovered_share("") == 0.0
    assert english_encoder.uncovered_share("\u6211\u8981\u9000\u8d27") == 1.0
    assert english_encoder.uncovered_share("iPhone\u58f3\u6709\u5417") == pytest.approx(1 / 3)
    assert english_encoder.uncovered_share("\u10d0\u10d1") == 1.0  # Georgian, of which nothing is known


def test_english_letters_may_be_the_unknown_ones() -> None:
    assert ScriptCoverage({"Han": 1.0, "Latin": 0.1}).uncovered_share("Where?") == 1.0


def test_an_owner_is_told_of_an_encoder_that_does_not_know_the_language(english_encoder: ScriptCoverage) -> None:
    notice = ScriptCoverage({"Han": 0.204, "Latin": 1.0}).notice("zh-CN", "all-MiniLM-L6-v2")

    assert notice is not None
    assert "language zh-CN: the encoder all-MiniLM-L6-v2 knows only 20% of the Han letters" in notice
    assert "kefu.encoder.name" in notice
    assert english_encoder.notice("zh", "x") is not None
    assert english_encoder.notice("en", "x") is None
    assert english_encoder.notice("de", "x") is None


@pytest.mark.skipif(not CHINESE_ENCODER.is_file(), reason="needs ../shared/models/multilingual-e5-small-zh-en")
def test_an_encoder_for_chinese_covers_han_and_latin_letters() -> None:
    coverage = ScriptCoverage.measure(CHINESE_ENCODER)

    assert (coverage.covers("Han"), coverage.covers("Latin"), coverage.covers("Cyrillic")) == (True, True, False)
    assert coverage.notice("zh", "e5") is None
