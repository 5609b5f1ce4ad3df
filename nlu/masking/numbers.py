"""Finds numbers that belong to one order, parcel, account or customer."""

import re
from collections.abc import Iterator

from nlu.masking.find import Find, Kind

_NUMBERED = (
    r"\b(?:order|ticket|booking|reservation|account|customer|invoice|tracking|reference|case|policy|confirmation|code)\b"
    "|订单|单号|运单|快递|编号|账号|卡号|会员"
)
# A Chinese character may stand right beside a number, so borders are those of Latin words.
_NUMBERS = (
    re.compile(r"(#\s?\d{3,})(?![A-Za-z0-9_])"),
    re.compile(
        rf"(?:{_NUMBERED})(?:\s{0, 3}(?:number|no\.?|nr\.?|id|code|号码?))?\s{0, 3}(?:is|was|:|：|是|为)?\s{0, 3}"
        r"((?=[A-Za-z0-9-]{0,64}[0-9]{3})[A-Za-z0-9-]{3,64})(?![A-Za-z0-9_-])",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![A-Za-z0-9_.,-])((?=[A-Z-]{0,40}\d[A-Z-]{0,40}\d[A-Z-]{0,40}\d)(?=[0-9-]{0,40}[A-Z])[A-Z0-9]{1,40}(?:-[A-Z0-9]{1,40}){0,8})"
        r"(?![A-Za-z0-9_-])"
    ),
    re.compile(r"(?<![A-Za-z0-9_.,-])(\d{6,})(?![A-Za-z0-9_-]|[.,]\d)"),
    re.compile(r"(?<![A-Za-z0-9_.,-])(\d{2,4}(?:[ -]\d{2,4}){2,})(?![A-Za-z0-9_-]|[.,]\d)"),
)
_DATE = re.compile(r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)?\d\d")


def numbers(text: str) -> Iterator[Find]:
    """Numbers and codes of one case; what is a date is none."""
    if not re.search(r"\d.*\d.*\d", text, re.DOTALL):
        return
    seen: set[int] = set()
    for pattern in _NUMBERS:
        for found in pattern.finditer(text):
            start, end = found.span(1)
            if _DATE.fullmatch(found[1]) or not seen.isdisjoint(range(start, end)):
                continue
            seen.update(range(start, end))
            yield Find(kind=Kind.NUMBER, start=start, end=end, value=re.sub(r"\W", "", found[1]).upper())
