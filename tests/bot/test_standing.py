"""What a platform says of who answers: believed where it is news, and no older than what it said before."""

from typing import Any

import pytest

from bot.conversation import Conversation
from bot.events import Event, plain_event
from bot.handoff import (
    HandoffReason,
    HandoffState,
    ReturnReason,
    claimed_event,
    overdue,
    returned_events,
    waiting_events,
)
from bot.messages import Standing
from bot.standing import standing_events, standing_in, standing_payload
from configs import Domain
from configs.assistant_config import HandoffConfig

NOW = 1_000.0
ASKED = waiting_events(HandoffReason.ASKED_FOR, NOW - 100)


def held(by: str = "", at: float = 50.0) -> Standing:
    return Standing(is_held=True, by=by, at=at)


def free(at: float = 50.0, *, is_final: bool = False) -> Standing:
    return Standing(is_held=False, at=at, is_final=is_final)


def after(*said: Standing, begun: list[Event] = []) -> Conversation:  # noqa: B006 - nobody changes it
    """The conversation once the platform has said all of it."""
    conversation = Conversation(id="c").after(
        [{"event": "user", "timestamp": NOW - 200, "text": "hi"}, *begun], Domain()
    )
    for one in said:
        conversation = conversation.after(standing_events(one, conversation.handoff, NOW), Domain())
    return conversation


@pytest.mark.parametrize(
    ("begun", "said", "state", "by"),
    [
        ([], [free()], HandoffState.BOT, ""),
        ([], [held()], HandoffState.WAITING, ""),
        ([], [held("Bea")], HandoffState.HUMAN, "Bea"),
        ([], [held(), held("Bea")], HandoffState.HUMAN, "Bea"),
        ([], [held("Bea"), held()], HandoffState.HUMAN, "Bea"),
        ([], [held("Bea"), held("Cem")], HandoffState.HUMAN, "Cem"),
        ([], [held("Bea"), free()], HandoffState.RETURNED, ""),
        ([], [held("Bea"), free(), held("Cem")], HandoffState.HUMAN, "Cem"),
        ([], [held("Bea", at=50), free(at=49)], HandoffState.HUMAN, "Bea"),
        ([], [held("Bea", at=50), free(at=60), held("Bea", at=55)], HandoffState.RETURNED, ""),
        (ASKED, [free()], HandoffState.WAITING, ""),
        (ASKED, [free(is_final=True)], HandoffState.RETURNED, ""),
        (ASKED, [held()], HandoffState.WAITING, ""),
        (ASKED, [held(), free(at=51)], HandoffState.RETURNED, ""),
        (ASKED, [held("Bea")], HandoffState.HUMAN, "Bea"),
        ([*ASKED, claimed_event("Ann", NOW - 50)], [held("Bea")], HandoffState.HUMAN, "Bea"),
        ([*ASKED, claimed_event("Ann", NOW - 50)], [free()], HandoffState.HUMAN, "Ann"),
    ],
)
def test_who_answers_here_is_who_answers_there(
    begun: list[Event], said: list[Standing], state: HandoffState, by: str
) -> None:
    conversation = after(*said, begun=begun)

    assert (conversation.handoff.state, conversation.handoff.by) == (state, by)
    assert conversation.is_silent is (state in (HandoffState.WAITING, HandoffState.HUMAN))


@pytest.mark.parametrize("said", [[], [held()], [held("Bea")], [held("Bea"), free()]])
def test_what_is_known_is_no_news(said: list[Standing]) -> None:
    conversation = after(*said)
    last = said[-1] if said else free()

    assert standing_events(last, conversation.handoff, NOW) == []


def test_why_the_bot_called_is_kept_when_the_platform_has_taken_note() -> None:
    assert after(held(), begun=ASKED).handoff.reason == "asked_for"
    assert after(held()).handoff.reason == "platform"


def test_no_time_runs_out_for_what_lies_in_the_platforms_inbox() -> None:
    config, later = HandoffConfig(wait_minutes=1, idle_minutes=1), NOW + 10_000
    assert overdue(config, after(begun=ASKED).handoff, later) is ReturnReason.NOBODY_CAME
    assert overdue(config, after(held(), begun=ASKED).handoff, later) is None
    assert overdue(config, after(held("Bea")).handoff, later) is None


def test_a_new_call_for_a_person_forgets_what_the_platform_said_before() -> None:
    before = after(held("Bea"), free(at=60))
    asked = before.after(waiting_events(HandoffReason.FAILED, NOW), Domain())

    assert asked.handoff.told_at is None
    assert standing_events(free(at=61), asked.handoff, NOW) == []


@pytest.mark.parametrize(
    "ended", [returned_events(ReturnReason.IDLE, NOW), [plain_event("resume", NOW)], [plain_event("restart", NOW)]]
)
def test_what_is_taken_back_here_may_be_taken_there_again(ended: list[Event]) -> None:
    conversation = after(held("Bea")).after(ended, Domain())
    assert not conversation.handoff.silences_bot
    taken = standing_events(held("Cem", at=70), conversation.handoff, NOW)
    assert conversation.after(taken, Domain()).handoff.by == "Cem"


@pytest.mark.parametrize("standing", [None, held("Bea"), free(is_final=True)])
def test_the_inbox_gives_back_what_it_was_given(standing: Standing | None) -> None:
    kept: dict[str, Any] = {"text": "hi", **standing_payload(standing)}
    assert standing_in(kept) == standing
