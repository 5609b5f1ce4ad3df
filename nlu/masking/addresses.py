"""Finds postal addresses by their pattern: English, German and Chinese."""

import re
from collections.abc import Iterator

from nlu.masking.find import Find, Kind

_CAPITAL = r"[A-Z\u00c0-\u00de][\w'\u2019-]{1,30}"
_WAYS = (
    "Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Close|Crescent"
    "|Grove|Gardens|Mews|Row|Hill|Walk|Parkway|Pkwy|Highway|Hwy|Circle|Trail|Alley|Plaza|Ridge|Loop|Crossing|Path|Pike"
)
_UNIT = r"(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Studio|#)\.? ?\w{1,6}"
_UK_CODE = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
_US_CODE = r"[A-Z]{2},? \d{5}(?:-\d{4})?"
_CITY = rf"{_CAPITAL}(?: {_CAPITAL}){{0,3}}"
_ENGLISH = (
    re.compile(
        r"(?:\b(?:PSC|Unit|CMR) \d{1,5},? (?:Box \d{1,5},? )?|\b(?:USS|USNS|USCGC|USNV) [A-Z]\w{1,30},? )?"
        r"\b(?:APO|FPO|DPO),? A[AEP] \d{5}\b"
    ),
    re.compile(  # whatever the street is called, where a city and its postcode follow
        rf"(?:\b(?:{_UNIT}|\d{{1,5}}[A-Za-z]?),? )?(?:\b\d{{1,5}}[A-Za-z]? )?\b{_CITY}(?:,? {_UNIT})?"
        rf"(?:, {_CITY}){{0,3}},? (?:{_US_CODE}|{_UK_CODE})(?![\w-])"
    ),
    re.compile(
        rf"(?:\b{_UNIT},? )?\b\d{{1,5}}[A-Za-z]? (?:{_CAPITAL} ){{1,3}}(?:{_WAYS})\b\.?(?:,? {_UNIT})?"
        rf"(?:,? {_CAPITAL}){{0,4}}(?:,? (?:{_US_CODE}|{_UK_CODE}|\w{{2,4}} ?\d{{3,5}}))?"
    ),
    re.compile(r"\bP\.? ?O\.? Box \d{1,7}\b"),
    re.compile(rf"(?<![\w-])(?:{_CAPITAL}, )?{_UK_CODE}(?![\w-])"),
)
_TOWN = (
    r"(?:,? (?:D-)?\d{4,5} [A-ZÄÖÜ][a-zäöüß]{1,30}(?:[ -][A-ZÄÖÜ][a-zäöüß]{1,30}){0,2}"
    r"(?: (?:an der|in der|vor der|ob der|am|im|bei) [A-ZÄÖÜ][a-zäöüß]{1,30})?)?"
)
_HOUSE = r"\d{1,4}(?: ?[a-z]\b)?(?:[/-]\d{1,4})?"
_GERMAN = (
    re.compile(
        r"\b(?:[A-ZÄÖÜ][a-zäöüß]{0,30}(?:\.-|[ .-])|[a-zäöüß]{2,4}-){0,3}"
        r"(?:[A-ZÄÖÜ][a-zäöüß]{1,40}(?:straße|strasse|str\.|weg|platz|allee"
        r"|gasse|ring|damm|ufer|steig|stieg)|(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Damm|Ufer)) "
        rf"{_HOUSE}{_TOWN}"
    ),
    re.compile(rf"\b(?:Am|An der|Im|In der|Auf dem|Zum|Zur) [A-ZÄÖÜ][a-zäöüß]{{2,30}} {_HOUSE}{_TOWN}"),
)
_HAN = r"\u4e00-\u9fff"
_UNITS = (
    rf"(?:[{_HAN}A-Za-z]{{0,8}}[\dA-Za-z]{{1,5}}(?:号楼|栋|幢|座|单元|楼|层|室|号|户)){{0,5}}(?:[A-Za-z]?\d{{1,5}}室?)?"
)
_FIRST_PART = rf"(?:(?:香港|澳门)(?:特别行政区)?|[{_HAN}]{{2,5}}(?:省|自治区))"
_WAY = r"(?:路|街|大道|巷|弄|胡同|村|小区|花园|公寓|大厦|苑)"
_CHINESE = (
    re.compile(rf"[{_HAN}]{{2,24}}{_WAY}[ ]?(?:\d{{1,5}}|[一二三四五六七八九十百]{{1,5}})(?:号|弄|巷)院?{_UNITS}"),
    re.compile(rf"[{_HAN}]{{2,24}}(?:小区|花园|公寓|大厦|苑){_UNITS.replace('{0,5}', '{1,5}', 1)}"),
    re.compile(
        rf"{_FIRST_PART}[{_HAN}]{{1,8}}(?:市|州|盟|县)"
        rf"(?:[{_HAN}]{{1,12}}(?:区|县|旗|镇|乡|路|街))?{_UNITS}(?: ?\d{{6}})?"
    ),
    re.compile(rf"[{_HAN}]{{1,7}}[市县][{_HAN}]{{1,12}}(?:区|县|镇|路|街){_UNITS}(?: ?\d{{6}})?"),
)
# What is said before an address and is no part of it.
_LED_IN = re.compile(
    r".*(?:寄|送|发|搬|改|换|退|配|运|回)(?:货|件|送)?(?:到|至|成|为|往)|.*地址(?:是|为|在|改为|改成)?|.*(?:住在|位于|就在|家在|我在|人在)"
)


def addresses(text: str) -> Iterator[Find]:
    """Street addresses, postcodes of houses, and boxes at a post office."""
    for pattern in (*_ENGLISH, *_GERMAN):
        for found in pattern.finditer(text):
            yield Find(kind=Kind.ADDRESS, start=found.start(), end=found.end(), value=found[0])
    for pattern in _CHINESE:
        for found in pattern.finditer(text):
            led_in = _LED_IN.match(found[0])
            start = found.start() + (led_in.end() if led_in else 0)
            yield Find(kind=Kind.ADDRESS, start=start, end=found.end(), value=text[start : found.end()])
