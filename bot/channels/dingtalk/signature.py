"""Whether a request comes from DingTalk, and whether an address in it is DingTalk's.

Source: https://open.dingtalk.com/document/isvapp/receive-message
"""

import base64
import hmac
from hashlib import sha256

from multidict import MultiMapping
from yarl import URL

TOLERANCE_S = 3_600
DOMAIN = "dingtalk.com"


def is_genuine(secret: str, headers: MultiMapping[str], now: float) -> bool:
    """Whether the request was signed with the app's secret within an hour of `now`; its body is not signed."""
    timestamps, signs = headers.getall("timestamp", []), headers.getall("sign", [])
    if len(timestamps) != 1 or len(signs) != 1:
        return False
    (timestamp,) = timestamps
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 15):
        return False
    expected = sign_of(secret, timestamp).encode("ascii")
    is_right = hmac.compare_digest(expected, signs[0].encode("utf-8", "surrogateescape"))
    return is_right and abs(now - int(timestamp) / 1_000) <= TOLERANCE_S


def sign_of(secret: str, timestamp: str) -> str:
    """The sign that belongs to a time in milliseconds."""
    signed = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.new(secret.encode("utf-8"), signed, sha256).digest()).decode("ascii")


def is_theirs(address: str, api_url: URL) -> bool:
    """Whether an address that came in a message is DingTalk's, or that of the API in use: no other is called."""
    try:
        url = URL(address)
        origin, host = url.origin(), url.host or ""
        is_plain = url.user is None and url.explicit_port in (None, 443)
    except ValueError:
        return False
    if origin == api_url.origin():
        return True
    return url.scheme == "https" and is_plain and (host == DOMAIN or host.endswith(f".{DOMAIN}"))
