"""An owner's custom actions: run in this process, or by an action server, with the same outcome."""

from bot.actions.result import ActionFailed, ActionRejected, ActionResult, CustomActions
from bot.actions.source import custom_actions

__all__ = ["ActionFailed", "ActionRejected", "ActionResult", "CustomActions", "custom_actions"]
