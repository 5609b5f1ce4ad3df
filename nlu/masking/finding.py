"""Puts the finders together; where finds overlap, the one that is surer counts."""

from collections.abc import Iterable

from nlu.masking.addresses import addresses
from nlu.masking.bank_accounts import bank_accounts
from nlu.masking.cards import cards
from nlu.masking.contacts import emails, likely_phones, phones
from nlu.masking.find import Find, Regions
from nlu.masking.names import name_finds
from nlu.masking.national_numbers import chinese_identity_numbers, national_numbers
from nlu.masking.network import ip_addresses, links
from nlu.masking.numbers import numbers
from nlu.masking.passports import passports
from nlu.masking.presidio import presidio_finds
from nlu.masking.reading import read


def find_sure(text: str, regions: Regions) -> list[Find]:
    """What is personal data wherever it stands, in order: what has a checksum, e-mail addresses, phone numbers."""
    reading = read(text)
    return [reading.in_original(find) for find in _sure(reading.text, regions)]


def find_private(text: str, regions: Regions, names: frozenset[str] = frozenset()) -> list[Find]:
    """What `text` holds of one person, in order.

    Args:
        regions: Where phone numbers without a country code may be from; see `regions_of`.
        names: The names of those who take part in the conversation.
    """
    reading = read(text)
    plain = reading.text
    sure = _in_order(links(plain), _sure(plain, regions))
    found = _in_order(
        sure,
        passports(plain),
        likely_phones(plain, regions),
        ip_addresses(plain),
        addresses(plain),
        numbers(plain),
        name_finds(plain, names),
        presidio_finds(plain),
    )
    return [reading.in_original(find) for find in found]


def _sure(plain: str, regions: Regions) -> list[Find]:
    return _in_order(
        bank_accounts(plain),
        chinese_identity_numbers(plain),
        cards(plain),
        national_numbers(plain),
        emails(plain),
        phones(plain, regions),
    )


def _in_order(*groups: Iterable[Find]) -> list[Find]:
    """What does not overlap with what an earlier group holds."""
    kept: list[Find] = []
    taken = bytearray()
    for find in (find for group in groups for find in group):
        taken.extend(bytes(max(0, find.end - len(taken))))
        if not any(taken[find.start : find.end]):
            taken[find.start : find.end] = b"\1" * (find.end - find.start)
            kept.append(find)
    return sorted(kept, key=lambda one: one.start)
