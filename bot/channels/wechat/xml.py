"""The XML of WeChat and WeCom: one level of named texts. What comes in is hostile until it is read here."""

from collections.abc import Mapping
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree  # type: ignore[import-untyped]

from bot.errors import Refused

TYPES = frozenset({"text/xml", "application/xml", "text/plain", "application/octet-stream", ""})
MAX_BYTES = 262_144
MAX_FIELDS = 200
NOT_XML = bytes(code for code in range(32) if code not in b"\t\n\r")  # may stand in a customer's text, but not in XML


def read_xml(body: bytes) -> dict[str, str]:
    """The texts directly below the root, by name; what lies deeper is left out.

    Raises:
        Refused: 400; it is not XML, declares a document type, or is too large.
    """
    if len(body) > MAX_BYTES:
        raise Refused(400, "InvalidBody", f"The XML is over {MAX_BYTES:,} bytes.", field="body")
    try:
        root = ElementTree.fromstring(body.translate(None, NOT_XML), forbid_dtd=True)
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise Refused(400, "InvalidBody", "The body is not XML as WeChat sends it.", field="body") from error
    return {child.tag: child.text or "" for child in root[:MAX_FIELDS]}


def written_xml(fields: Mapping[str, str | int]) -> str:
    """Fields as the platform reads them; numbers stand bare."""
    lines = (f"<{name}>{value if isinstance(value, int) else _cdata(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{''.join(lines)}</xml>"


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
