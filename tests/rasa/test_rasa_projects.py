"""Rasa projects of our own, and what Rasa Open Source 3.6.21 does in conversations with them: Kefu does the same."""

import pytest
from conversation_runner import play
from recorded_conversations import RecordedConversation, recorded_conversations

RECORDED = recorded_conversations()


@pytest.mark.parametrize("conversation", RECORDED, ids=lambda conversation: conversation.id)
async def test_a_rasa_project_says_and_does_what_it_does_in_rasa(conversation: RecordedConversation) -> None:
    differences = await play(conversation)

    assert not differences, "\n".join([conversation.title, *map(str, differences)])
