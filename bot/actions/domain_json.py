"""The domain as JSON, written once for each release and not for each action."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DomainText:
    """A domain as JSON; `digest` tells it from others."""

    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(self.text.encode()).hexdigest())


class DomainJson:
    """Remembers the text of the domain that it was last asked for."""

    def __init__(self) -> None:
        self._domain: Mapping[str, Any] | None = None
        self._text = DomainText("{}")

    def of(self, domain: Mapping[str, Any]) -> DomainText:
        """The text of `domain`.

        An empty one is written with its version: rasa_sdk takes an empty domain for none and gives actions null.
        """
        if domain is not self._domain:
            self._text = DomainText(json.dumps(dict(domain) or {"version": "3.1"}))
            self._domain = domain
        return self._text
