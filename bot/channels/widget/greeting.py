"""Has the bot speak first: once, as if the customer had said hello."""

from bot.channels.intake import Intake
from bot.channels.widget.session import NAME, Session
from bot.reminders import DueReminder, reminder_payload
from bot.stores.reminders import KIND
from bot.stores.turn import InboxMessage

ID = "the greeting"  # no page can send a message of this id


class Greeting:
    """Puts a turn into the inbox that begins the conversation; however often it is asked to, it comes once.

    Args:
        intent: What the customer is taken to mean; None where the bot waits until he speaks.
    """

    def __init__(self, intent: str | None, intake: Intake) -> None:
        self._intent, self._intake = intent, intake

    async def begin(self, session: Session) -> None:
        """Greets in a conversation in which nothing was said; what is said meanwhile takes the greeting's place."""
        if self._intent is None:
            return
        now = self._intake.now()
        due = DueReminder(intent=self._intent, entities={}, kills_on_message=True, set_at=now)
        message = InboxMessage(
            conversation_id=session.conversation_id,
            channel=NAME,
            account=session.id,
            external_id=ID,
            payload=reminder_payload(due),
            received_at=now,
            kind=KIND,
        )
        await self._intake.take(message)
