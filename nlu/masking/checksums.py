"""Numbers whose last signs check the others."""

_CHINESE_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit checks the others. Source: ISO/IEC 7812-1, annex B."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0


def passes_chinese_checksum(number: str) -> bool:
    """Whether the 18th sign checks the other 17. Source: GB 11643-1999, ISO 7064 MOD 11-2."""
    total = sum(weight * int(digit) for weight, digit in zip(_CHINESE_ID_WEIGHTS, number[:17], strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def passes_taiwanese_checksum(number: str) -> bool:
    """Whether the last digit of a letter and nine digits checks the others. Source: the Ministry of the Interior."""
    region = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0].upper())
    digits = [region // 10, region % 10, *map(int, number[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 10 == 0
