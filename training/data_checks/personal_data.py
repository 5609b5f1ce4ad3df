"""Finds what points to a person in an assistant's files: addresses, phone numbers, numbers with a checksum.

What is found is never shown whole, here or in the findings of other checks. The finding is that of `nlu/masking/`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from configs.domain import Domain
from nlu.masking import Kind as Private
from nlu.masking import find_sure
from training.data_checks.finding import Finding, Kind, Passage, Severity

_NAMES = {
    Private.EMAIL: "an e-mail address",
    Private.PHONE: "a phone number",
    Private.CARD: "a payment card number",
    Private.BANK_ACCOUNT: "a bank account number",
    Private.IDENTITY: "an identity number",
}
_CONTACTS = frozenset({Private.EMAIL, Private.PHONE})


def masked(text: str, regions: Sequence[str | None]) -> str:
    """`text` with all but the first and last two characters of each find as asterisks."""
    for one in find_sure(text, regions):
        inside = "*" * (one.end - one.start - 4)
        text = f"{text[: one.start + 2]}{inside}{text[one.end - 2 :]}"
    return text


def personal_data(
    passages: Sequence[Passage], regions: Sequence[str | None], allowed: frozenset[str] = frozenset()
) -> list[Finding]:
    """A finding for each address or number, with all its places; `allowed` are values that the company shows itself."""
    places: dict[tuple[Private, str], list[Passage]] = defaultdict(list)
    for passage in passages:
        here = dict.fromkeys((one.kind, one.value) for one in find_sure(passage.text, regions))
        for kind, value in here:
            if value not in allowed:
                places[kind, value].append(passage)
    return [_finding(kind, found) for (kind, _), found in places.items()]


def company_values(domain: Domain, regions: Sequence[str | None]) -> frozenset[str]:
    """The addresses and numbers in the responses: those are the company's own."""
    texts = (variation.text or "" for variations in domain.responses.values() for variation in variations)
    return frozenset(one.value for text in texts for one in find_sure(text, regions))


def without_personal_data(finding: Finding, regions: Sequence[str | None]) -> Finding:
    """`finding` with its passages masked."""
    passages = tuple(replace(passage, text=masked(passage.text, regions)) for passage in finding.passages)
    return replace(finding, message=masked(finding.message, regions), passages=passages)


def _finding(kind: Private, passages: list[Passage]) -> Finding:
    grave, name = kind not in _CONTACTS, _NAMES[kind]
    keep = "" if grave else " If it is your company's own, put it into a response of the domain, and it is left alone."
    return Finding(
        kind=Kind.CARD_OR_ID if grave else Kind.CONTACT,
        severity=Severity.ERROR if grave else Severity.WARNING,
        message=f"A text holds {name}." if len(passages) == 1 else f"{len(passages):,} texts hold {name}, the same.",
        advice=f"Replace it by an invented one: whoever has the files or asks the assistant can read it.{keep}",
        passages=tuple(passages),
        weight=float(len(passages)),
    )
