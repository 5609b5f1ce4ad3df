"""Makes personal data, and what only looks like it, in sentences that customers write, with the place of each value."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from faker import Faker
from stdnum import luhn
from stdnum.de import idnr
from stdnum.gb import nhs

from nlu.masking import Kind

FULL_WIDTH = str.maketrans("0123456789-", "０１２３４５６７８９－")
ZERO_WIDTH = "\u200b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sentence.

    Attributes:
        group: What kind of thing stands in it, for the table.
        kind: Of the personal data in it; None where there is none.
        start: Where the value begins.
        fair: Kinds that are no false alarm although there is no personal data.
    """

    group: str
    text: str
    kind: Kind | None
    start: int
    end: int
    fair: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the samples of one group come from.

    Attributes:
        checked: Whether the values have a checksum.
        make: A value, in one of the ways in which people write it.
        frames: Sentences with `{}` where the value stands.
    """

    group: str
    make: Callable[[], str]
    frames: Sequence[str]
    kind: Kind | None = None
    checked: bool = False
    fair: frozenset[Kind] = frozenset()

    def samples(self, count: int, choose: random.Random) -> list[Sample]:
        """That many sentences."""
        made = []
        for _ in range(count):
            value, frame = self.make(), choose.choice(self.frames)
            start = frame.index("{}")
            text = frame.replace("{}", value)
            made.append(
                Sample(group=self.group, text=text, kind=self.kind, start=start, end=start + len(value), fair=self.fair)
            )
        return made


class People:
    """Invents personal data; the same seed invents the same."""

    def __init__(self, seed: int) -> None:
        self.choose = random.Random(seed)
        self._fakers: dict[str, Faker] = {}
        self._seed = seed

    def faker(self, locale: str) -> Faker:
        """The one for a country, made when it is first asked for."""
        if locale not in self._fakers:
            self._fakers[locale] = Faker(locale)
            self._fakers[locale].seed_instance(self._seed)
        return self._fakers[locale]

    def card(self) -> str:
        """A payment card of any network, grouped in one of the usual ways."""
        choose = self.choose
        if choose.random() < 0.6:
            digits = self.faker("en_US").credit_card_number()
        else:  # UnionPay and Maestro, which the library has not or has of one length only
            body = choose.choice(("62", "6222", "6759", "5018")) + "".join(choose.choices("0123456789", k=11))
            body += "".join(choose.choices("0123456789", k=16 - 1 - len(body) if choose.random() < 0.5 else 3))
            digits = body + luhn.calc_check_digit(body)
        groups = (4, 6, 5) if len(digits) == 15 else (4, 4, 4, 4, 4)
        return self.written(digits, groups, " -")

    def chinese_id(self) -> str:
        """An identity number of the People's Republic."""
        number = self.faker("zh_CN").ssn()
        number = number.lower() if self.choose.random() < 0.3 else number
        return self.written(number, (6, 8, 4), " -")

    def iban(self) -> str:
        """An account in one of six countries."""
        number = self.faker(self.choose.choice(("de_DE", "en_GB", "fr_FR", "nl_NL", "es_ES", "it_IT"))).iban()
        number = number.lower() if self.choose.random() < 0.1 else number
        return self.written(number, (4,) * 9, " -", full_width=False)

    def german_tax_id(self) -> str:
        """Eleven digits of which one comes twice, and a check digit."""
        while True:
            digits = self.choose.sample("0123456789", 9)
            digits.insert(self.choose.randrange(10), self.choose.choice(digits))
            body = "".join(digits)
            valid = [body + last for last in "0123456789" if idnr.is_valid(body + last)]
            if valid:
                return self.written(valid[0], (2, 3, 3, 3), " ")

    def nhs_number(self) -> str:
        """Ten digits as the British health service gives them."""
        while True:
            number = "".join(self.choose.choices("0123456789", k=10))
            if number[0] in "3456789" and nhs.is_valid(number):
                return self.written(number, (3, 3, 4), " -")

    def nino(self) -> str:
        """Two letters, six digits and a letter, as the British insurance gives them."""
        letters = self.choose.choice(("AB", "CE", "JG", "PW", "SR", "WM", "YX", "TZ"))
        digits = "".join(self.choose.choices("0123456789", k=6))
        return self.written(f"{letters}{digits}{self.choose.choice('ABCD')}", (2, 2, 2, 2, 1), " ", full_width=False)

    def chinese_mobile(self) -> str:
        """Eleven digits, bare or grouped, some with the country's code."""
        number = self.written(self.faker("zh_CN").phone_number(), (3, 4, 4), " -")
        lead = self.choose.choice(("", "", "", "+86 ", "+86", "0086 ", "86-"))
        return number if any(sign in number for sign in "０１２３４５６７８９") else lead + number

    def address(self, locale: str) -> str:
        """A postal address on one line."""
        return self.faker(locale).address().replace("\n", ", " if not locale.startswith("zh") else " ")

    def digits(self, count: int, *, passes: bool = False) -> str:
        """A number that begins like a card and fails the checksum, or has none."""
        while True:
            number = self.choose.choice("3456") + "".join(self.choose.choices("0123456789", k=count - 1))
            if luhn.is_valid(number) == passes:
                return number

    def written(self, number: str, groups: Sequence[int], between: str, *, full_width: bool = True) -> str:
        """Bare, in groups, in full-width digits, or with a character that nobody sees."""
        way = self.choose.random()
        if way < 0.35:
            return number
        if way < 0.45 and full_width:
            return number.translate(FULL_WIDTH)
        if way < 0.5:
            middle = len(number) // 2
            return number[:middle] + ZERO_WIDTH + number[middle:]
        parts, start = [], 0
        for size in groups:
            parts.append(number[start : start + size])
            start += size
        return self.choose.choice(between).join(part for part in [*parts, number[start:]] if part)
