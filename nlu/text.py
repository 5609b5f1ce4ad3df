"""What is done to a text before any model sees it."""

import unicodedata

MAX_CHARS = 4_000


def prepare_text(text: str) -> str:
    """NFC form, white space folded to single blanks, cut to `MAX_CHARS` characters.

    The cut comes before tokenising: a megabyte of text costs about a second in the tokenizer even though it
    keeps only the first hundred tokens.
    """
    return " ".join(unicodedata.normalize("NFC", text[:MAX_CHARS]).split())
