"""Whether a request comes from Twilio."""

import hmac
from collections.abc import Iterator
from urllib.parse import urldefrag, urlparse

from multidict import MultiDict, MultiMapping
from twilio.request_validator import RequestValidator, add_port, remove_port  # type: ignore[import-untyped]

SIGNATURE = "X-Twilio-Signature"


class Signatures:
    """Signatures that are made with an account's secret.

    Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security

    Args:
        url: The webhook's address as it stands at Twilio; None is where a request says that it was sent.
    """

    def __init__(self, auth_token: str, url: str | None) -> None:
        self._signer, self._url = RequestValidator(auth_token), url

    def is_genuine(self, headers: MultiMapping[str], path_and_query: str, form: MultiDict[str]) -> bool:
        """Whether a form was signed for the address. What a proxy adds to the headers is not looked at."""
        signatures, hosts = headers.getall(SIGNATURE, []), headers.getall("Host", [])
        if len(signatures) != 1 or len(hosts) != 1:
            return False
        given = signatures[0].encode("utf-8", "surrogateescape")
        urls = [self._url] if self._url else [f"{scheme}://{hosts[0]}{path_and_query}" for scheme in ("https", "http")]
        matches = [hmac.compare_digest(one, given) for url in urls for one in self._expected(url, form)]
        return any(matches)

    def _expected(self, url: str, form: MultiDict[str]) -> Iterator[bytes]:
        """Twilio signs the address with its port or without it, and leaves out what it is told behind a `#`."""
        try:
            parsed = urlparse(urldefrag(url).url)
            for address in {url, remove_port(parsed), add_port(parsed)}:
                yield str(self._signer.compute_signature(address, form)).encode("ascii")
        except ValueError:  # a Host that is none
            return
