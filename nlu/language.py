"""Which script and language a text is in, and which scripts an encoder's tokenizer knows.

It owns the counting of letters. What the bot says to a message that it cannot read is the policy's business.
"""

import importlib
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

LATIN, HAN, KANA, OTHER = "Latin", "Han", "Kana", "other"

# First and last code point, in order. Source: Unicode 16.0, Scripts.txt, its blocks joined; letters alone are asked.
_RANGES = (
    (0x0041, 0x02B8, LATIN),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0591, 0x05F4, "Hebrew"),
    (0x0600, 0x077F, "Arabic"),
    (0x08A0, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0E00, 0x0E7F, "Thai"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1C80, 0x1C8F, "Cyrillic"),
    (0x1E00, 0x1EFF, LATIN),
    (0x1F00, 0x1FFF, "Greek"),
    (0x3005, 0x3007, HAN),
    (0x3041, 0x30FF, KANA),
    (0x3131, 0x318E, "Hangul"),
    (0x31F0, 0x31FF, KANA),
    (0x3400, 0x9FFF, HAN),
    (0xAC00, 0xD7FB, "Hangul"),
    (0xF900, 0xFAFF, HAN),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFEFC, "Arabic"),
    (0xFF21, 0xFF5A, LATIN),
    (0xFF66, 0xFF9D, KANA),
    (0x20000, 0x323AF, HAN),
)
_STARTS = [start for start, _, _ in _RANGES]

LANGUAGES = {
    HAN: ("zh",),
    KANA: ("ja",),
    "Hangul": ("ko",),
    "Greek": ("el",),
    "Hebrew": ("he",),
    "Thai": ("th",),
    "Cyrillic": ("ru", "uk", "bg", "be", "mk", "sr", "kk", "ky", "mn"),
    "Arabic": ("ar", "fa", "ur", "ps", "ug"),
    "Devanagari": ("hi", "mr", "ne"),
}
_NOT_LATIN = {language: script for script, languages in LANGUAGES.items() for language in languages}

MIN_LETTERS = 6  # of a script that several languages share; below it one text in ten was taken for another language
MIN_DENSE_LETTERS = 2  # of a script whose sign is a syllable or a word
MIN_CONFIDENCE = 0.5
DENSE_WEIGHT = 3  # English takes about three letters for what Chinese says with one, so `iPhone的壳` is Chinese
_DENSE = frozenset({HAN, KANA, "Hangul"})
_SIGN_IS_A_WORD = frozenset({HAN, "Hangul"})
KANA_SHARE = 0.1  # Japanese has kana between its Han characters; Chinese borrows one の at most

# Measured: all-MiniLM-L6-v2 knows 0.17 to 0.27 of the Han letters of three collections of Chinese questions and at
# most 0.1 of another alphabet's; encoders made for a script know 0.82 or more of it.
COVERED_SHARE = 0.6
WORD_START = "▁"  # SentencePiece may write it as a token of its own, which lies on the first letter

# A customer's question in each script, so that a tokenizer can be asked about scripts no example is in.
SAMPLES = (
    "Where is my parcel? I ordered two weeks ago and would like to change the delivery address.",
    "Πού είναι το δέμα μου; Παρήγγειλα πριν από δύο εβδομάδες και θέλω να αλλάξω τη διεύθυνση παράδοσης.",
    "Где моя посылка? Я заказал две недели назад и хочу изменить адрес доставки.",
    "איפה החבילה שלי? הזמנתי לפני שבועיים ואני רוצה לשנות את כתובת המשלוח.",
    "أين طردي؟ لقد طلبته قبل أسبوعين وأريد تغيير عنوان التوصيل.",
    "मेरा पार्सल कहाँ है? मैंने दो हफ़्ते पहले ऑर्डर किया था और मैं डिलीवरी का पता बदलना चाहता हूँ।",
    "พัสดุของฉันอยู่ที่ไหน ฉันสั่งซื้อเมื่อสองสัปดาห์ก่อนและอยากเปลี่ยนที่อยู่จัดส่ง",
    "제 택배가 어디에 있나요? 이 주 전에 주문했는데 배송지를 바꾸고 싶어요.",
    "にもつはどこですか。にしゅうかんまえにちゅうもんしました。とどけさきをかえたいです。",
    "我的包裹到哪里了？两个星期前下的单，想修改收货地址，运费怎么算，退款什么时候能到账，发票在哪里申请，衣服尺码偏大还是偏小。",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """A language, ISO 639-1, or None where the text does not tell; and how sure that is, in [0, 1]."""

    language: str | None
    confidence: float


UNDECIDED = Detected(language=None, confidence=0.0)


@lru_cache(maxsize=8_192)
def script_of(letter: str) -> str:
    """The script of one letter."""
    code = ord(letter)
    _, last, script = _RANGES[bisect_right(_STARTS, code) - 1]
    return script if code <= last else OTHER


def scripts(text: str) -> dict[str, float]:
    """Share in (0, 1] of each script among the text's letters, most frequent first; {} without letters."""
    if text.isascii():
        return {LATIN: 1.0} if any(map(str.isalpha, text)) else {}
    counts = _counts(text)
    total = counts.total()
    return {script: count / total for script, count in counts.most_common()}


def detect_language(text: str, candidates: Collection[str] = ()) -> Detected:
    """The language of `text`, if it can be told.

    The script decides where one candidate alone is written in it. Else `py3langid` decides if it is installed,
    which is the extra `languages`.

    Args:
        candidates: The languages it may be, as ISO 639-1 codes; none given means any.
    """
    counts = _counts(text)
    if not counts:
        return UNDECIDED
    weights = {script: count * (DENSE_WEIGHT if script in _DENSE else 1) for script, count in counts.items()}
    if weights.get(KANA, 0) >= KANA_SHARE * (weights.get(KANA, 0) + weights.get(HAN, 0)) > 0:
        weights[KANA] += weights.pop(HAN, 0)
        counts[KANA] += counts.pop(HAN, 0)
    script = max(weights, key=weights.__getitem__)
    if counts[script] < (MIN_DENSE_LETTERS if script in _DENSE else MIN_LETTERS):
        return UNDECIDED
    share = weights[script] / sum(weights.values())
    possible = _candidates(script, candidates)
    if len(possible) == 1:
        found = Detected(language=next(iter(possible)), confidence=share)
    else:
        found = _by_letters(text, script, possible, share)
    return found if found.confidence >= MIN_CONFIDENCE else UNDECIDED


def main_script(language: str) -> str:
    """The script that `language`, such as `zh`, `zh-CN` or `en`, is mainly written in."""
    return _NOT_LATIN.get(_code(language), LATIN)


@dataclass(frozen=True, slots=True)
class ScriptCoverage:
    """Which scripts a tokenizer knows.

    Attributes:
        known: By script, the share in [0, 1] of letters that the tokenizer tells apart. A letter counts if one token
            holds it, which is not the unknown token, and which holds a whole word or at least two letters, or a
            Han character or Hangul syllable: an English vocabulary has the letters of other alphabets, not their words.
    """

    known: Mapping[str, float]

    @classmethod
    def measure(cls, tokenizer_json: Path, texts: Iterable[str] = ()) -> "ScriptCoverage":
        """Measures on `texts` and on a sample of each script that they have no letter of."""
        tokenizer = Tokenizer.from_file(str(tokenizer_json))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        seen, known = _known_letters(tokenizer, texts)
        for sample in SAMPLES:
            if next(iter(scripts(sample))) not in seen:
                sample_seen, sample_known = _known_letters(tokenizer, [sample])
                seen += sample_seen
                known += sample_known
        return cls({script: known[script] / count for script, count in seen.items() if script != OTHER})

    def covers(self, script: str) -> bool:
        """Whether enough of the script is known to understand it; a script that was never measured is not."""
        return self.known.get(script, 0.0) >= COVERED_SHARE

    def uncovered_share(self, text: str) -> float:
        """Share in [0, 1] of the text's letters whose script is not covered; 0 without letters."""
        if text.isascii() and self.covers(LATIN):
            return 0.0
        return sum(share for script, share in scripts(text).items() if not self.covers(script))

    def notice(self, language: str, encoder_name: str) -> str | None:
        """What to tell the owner if the assistant's language is in a script that the encoder does not know."""
        script = main_script(language)
        if self.covers(script):
            return None
        return (
            f"config.yml: language {language}: the encoder {encoder_name} knows only {self.known.get(script, 0.0):.0%} "
            f"of the {script} letters, so it cannot tell such messages apart. "
            "Name a multilingual encoder under `kefu.encoder.name`."
        )


def _counts(text: str) -> Counter[str]:
    return Counter(script_of(sign) for sign in text if sign.isalpha())


def _code(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _candidates(script: str, candidates: Collection[str]) -> frozenset[str]:
    """The candidates written in `script`, or all its languages; empty means any language in Latin letters."""
    written = LANGUAGES.get(script, ())
    if not candidates:
        return frozenset(written)
    codes = {_code(candidate) for candidate in candidates}
    return frozenset(codes.intersection(written) if written else codes.difference(_NOT_LATIN))


def _by_letters(text: str, script: str, possible: Collection[str], share: float) -> Detected:
    identifier = _identifier()
    if identifier is None or not (possible or script == LATIN):
        return UNDECIDED
    ranked = [
        (language, float(probability))
        for language, probability in identifier.rank(text)
        if (language in possible if possible else len(language) == 2 and language not in _NOT_LATIN)
    ]
    total = sum(probability for _, probability in ranked)
    if not total:
        return UNDECIDED
    language, probability = ranked[0]
    return Detected(language=language, confidence=share * probability / total)


@cache
def _identifier() -> Any | None:
    try:
        langid = importlib.import_module("py3langid.langid")
    except ModuleNotFoundError:
        return None
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def _known_letters(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Letters by script, and those of them that are told apart."""
    unknown = {tokenizer.token_to_id("[UNK]"), tokenizer.token_to_id("<unk>")}
    seen: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for text in texts:
        encoding = tokenizer.encode(text, add_special_tokens=False)
        tokens = [
            (id_, span)
            for id_, token, span in zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
            if token != WORD_START
        ]
        holders = Counter(place for _, span in tokens for place in range(*span))
        seen += _counts(text)
        for id_, span in tokens:
            if id_ not in unknown and _says_something(text, *span):
                known += _counts("".join(text[place] for place in range(*span) if holders[place] == 1))
    return seen, known


def _says_something(text: str, start: int, end: int) -> bool:
    """Whether the letters from `start` to `end` are a word, or at least more of one than a letter."""
    letters = [sign for sign in text[start:end] if sign.isalpha()]
    if len(letters) != 1:
        return bool(letters)
    script = script_of(letters[0])
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    return script in _SIGN_IS_A_WORD or not any(
        unicodedata.category(sign)[0] in "LM" and script_of(sign) == script for sign in beside
    )
