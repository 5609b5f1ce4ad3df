"""Which custom actions an assistant has: those of an action server, those in its folder, or none."""

from collections.abc import Callable
from pathlib import Path

from bot.actions.package import has_actions
from bot.actions.remote import RemoteActions
from bot.actions.result import CustomActions


def custom_actions(
    root: Path,
    endpoint_url: str | None,
    *,
    timeout_s: float,
    now: Callable[[], float],
    spare_domain: bool = False,
) -> CustomActions | None:
    """The custom actions of the assistant in `root`; None if it has none.

    Args:
        endpoint_url: `action_endpoint: url` of its endpoints.yml; where there is one, its folder's are not run.
        timeout_s: How long one action may take.
        now: Unix time, for events that come without.
        spare_domain: See `RemoteActions`.

    Raises:
        SettingsError: The address cannot be asked.
        AssistantError: The actions in the folder cannot be imported.
    """
    if endpoint_url:
        return RemoteActions(endpoint_url, timeout_s=timeout_s, now=now, spare_domain=spare_domain)
    if has_actions(root):
        from bot.actions.in_process import InProcessActions  # noqa: PLC0415 - rasa_sdk takes 0.3 s to import

        return InProcessActions(root, timeout_s=timeout_s, now=now)
    return None
