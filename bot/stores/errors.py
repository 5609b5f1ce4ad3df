"""What can go wrong with the conversation store."""

from configs.errors import KefuError


class StoreError(KefuError):
    """The conversation store cannot be opened, read or written."""


class StoreInUse(StoreError):
    """Another process has the conversation store open, and it is of the kind that only one may have."""


class StoreRefusal(KefuError):
    """The store is well, but will not do what was asked; nothing was written.

    Args:
        undoes: Whether the transaction has to be rolled back for that; if not, whatever shares it is kept.
    """

    def __init__(self, message: str, *, undoes: bool = False) -> None:
        super().__init__(message)
        self.undoes = undoes


class LeaseLost(StoreRefusal):
    """The conversation was taken over by another, changed or erased since this turn began."""


class AlreadyAnswered(StoreRefusal):
    """A message with this id was answered before."""
