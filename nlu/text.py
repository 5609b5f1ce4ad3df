"""What is done to a text before any model sees it."""

import unicodedata

MAX_CHARS = 4_000


def prepare_text(text: str) -> str:
    """NFC form, white space folded to single blanks, cut to `MAX_CHARS` characters.

    The cut comes before tokenising: a megabyte of text costs about a second in the tokenizer even though it
    keeps only the first hundred tokens. Half a surrogate pair, which JSON can hold and the tokenizer refuses,
    becomes U+FFFD.
    """
    whole = text[:MAX_CHARS].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(unicodedata.normalize("NFC", whole).split())
