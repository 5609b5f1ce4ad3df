"""Numbers in Chinese characters or in digits."""

CHARACTERS = "零〇一二两三四五六七八九十百千万"
_DIGITS = {
    character: value
    for value, characters in enumerate(("零〇", "一", "二两", *"三四五六七八九"))
    for character in characters
}
_UNITS = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}


def read_number(text: str) -> int:
    """The value of `text`: digits, digit characters in a row (二〇二六) or with units (两千零五).

    Raises:
        ValueError: It is not such a number.
    """
    if text.isascii():
        return int(text)
    if not any(character in _UNITS for character in text):
        return int("".join(str(_digit(character)) for character in text))
    total = section = digit = 0
    for character in text:
        unit = _UNITS.get(character)
        if unit is None:
            digit = _digit(character)
        elif unit == 10_000 and section + digit:
            total, section, digit = total + (section + digit) * unit, 0, 0
        elif digit or unit == 10:
            section, digit = section + (digit or 1) * unit, 0
        else:
            raise ValueError(f"nothing stands before {character} in {text!r}")
    return total + section + digit


def _digit(character: str) -> int:
    if character not in _DIGITS:
        raise ValueError(f"{character!r} is no digit")
    return _DIGITS[character]
