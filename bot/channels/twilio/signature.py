"""Whether a request comes from Twilio."""

import hmac
from collections.abc import Iterator
from urllib.parse import urldefrag, urlparse

from multidict import MultiDict, MultiMapping
from twilio.request_validator import RequestValidator, add_port, remove_port  # type: ignore[import-untyped]
from yarl import URL

SIGNATURE = "X-Twilio-Signature"
PART = "part"  # in the address to which Twilio reports what became of a part


def report_url(url: str, key: str) -> str:
    """Where Twilio is to report what became of the part with this key."""
    address = urldefrag(url).url
    return f"{address}{'&' if '?' in address else '?'}{PART}={key}"


class Signatures:
    """Signatures that are made with an account's secret.

    Source: https://www.twilio.com/docs/usage/webhooks/webhooks-security

    Args:
        url: The webhook's address as it stands at Twilio; None is where a request says that it was sent.
    """

    def __init__(self, auth_token: str, url: str | None) -> None:
        self._signer, self._url = RequestValidator(auth_token), url

    def is_genuine(self, headers: MultiMapping[str], asked: URL, form: MultiDict[str]) -> bool:
        """Whether a form was signed for the address. What a proxy adds to the headers is not looked at.

        Args:
            asked: The path and the query that were asked for.
        """
        signatures, hosts = headers.getall(SIGNATURE, []), headers.getall("Host", [])
        if len(signatures) != 1 or len(hosts) != 1:
            return False
        given = signatures[0].encode("utf-8", "surrogateescape")
        urls = self._urls(hosts[0], asked)
        matches = [hmac.compare_digest(one, given) for url in urls for one in self._expected(url, form)]
        return any(matches)

    def _urls(self, host: str, asked: URL) -> list[str]:
        """The addresses of which one was signed."""
        if self._url is None:
            return [f"{scheme}://{host}{asked.raw_path_qs}" for scheme in ("https", "http")]
        key = asked.query.get(PART)
        return [self._url] if key is None else [report_url(self._url, key)]

    def _expected(self, url: str, form: MultiDict[str]) -> Iterator[bytes]:
        """Twilio signs the address with its port or without it, and leaves out what it is told behind a `#`."""
        try:
            parsed = urlparse(urldefrag(url).url)
            for address in {url, remove_port(parsed), add_port(parsed)}:
                yield str(self._signer.compute_signature(address, form)).encode("ascii")
        except ValueError:  # a Host that is none
            return
