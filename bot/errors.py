"""Requests that will not be served: each is an HTTP status and a sentence, never a stack trace."""

from configs.errors import KefuError


class Refused(KefuError):
    """A request that is turned down.

    Args:
        status: The HTTP status, 4xx or 503.
        reason: A word that programs can match, such as `InvalidField`.
        message: What is wrong and what to do.
        field: The field of the body or the query that is meant.
        retry_after_s: When it is worth trying again.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.reason, self.field, self.retry_after_s = status, reason, field, retry_after_s


class Overloaded(Refused):
    """More messages are waiting than the server will hold."""

    def __init__(self, what: str) -> None:
        super().__init__(503, "Overloaded", f"{what}; try again shortly.", retry_after_s=1)


def safe_reason(error: Exception) -> str:
    """What may be logged of an error: only one of ours is sure to hold none of a customer's words."""
    return str(error) if isinstance(error, KefuError) else type(error).__name__
