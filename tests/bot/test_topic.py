"""What was talked about last follows from the events."""

from bot.events import Event, bot_event, plain_event, user_event
from bot.messages import BotMessage, UserMessage
from bot.policy import FallBack, PastAnswer, Reason, Template
from bot.topic import MAX_ANSWER_CHARS, Option, Topic, after_topic_event, topic_metadata
from configs import Button
from retrieval.pair import Pair

PAIR = Pair(id="h1", question="Does the Forge 26 rust?", answer="The Forge 26 rusts if it stays wet.")
PAST = PastAnswer(pair=PAIR, confidence=0.9, reason=Reason.NEAR_QUESTION)


def template(intent: str) -> Template:
    return Template(intent=intent, confidence=0.9, reason=Reason.SURE_INTENT)


def after(*events: Event) -> Topic:
    topic = Topic()
    for event in events:
        topic = after_topic_event(topic, event)
    return topic


def heard(text: str) -> Event:
    return user_event(UserMessage(conversation_id="c", text=text, channel="rest"), {}, "m", 1.0)


def test_a_past_answer_makes_a_topic_with_its_subject() -> None:
    metadata = topic_metadata("does it matter if my forge 26 gets wet?", PAST)
    topic = after(
        heard("does it matter if my forge 26 gets wet?"), bot_event(BotMessage(text=PAIR.answer), metadata, 2.0)
    )
    assert topic == Topic(
        question="does it matter if my forge 26 gets wet?",
        pair_id="h1",
        subject="Forge 26",
        answer=PAIR.answer,
        at=2.0,
        continues=True,
    )


def test_a_template_makes_a_topic_and_small_talk_none() -> None:
    metadata = topic_metadata("What does my Forge 26 cost to ship?", template("shipping_cost"))
    assert metadata == {
        "topic": {
            "question": "What does my Forge 26 cost to ship?",
            "intent": "shipping_cost",
            "subject": "Forge 26",
        }
    }
    for intent in ("thank", "greet", "thanks_bye", "affirm", "goodbye"):
        assert topic_metadata("thanks", template(intent)) == {}
    assert topic_metadata("hm", FallBack(confidence=0.0)) == topic_metadata("hm", None) == {}


def test_thanks_leave_the_topic_and_take_its_buttons() -> None:
    said = BotMessage(text="Two to four days.", buttons=(Button(title="Late?", payload="/late"),))
    answered = [heard("when?"), bot_event(said, topic_metadata("when?", template("delivery")), 2.0)]
    assert after(*answered).options == (Option(title="Late?", payload="/late"),)

    thanked = after(*answered, heard("thanks"), bot_event(BotMessage(text="Welcome!"), {}, 3.0))
    assert (thanked.question, thanked.options) == ("when?", ())


def test_an_answer_of_several_messages_is_one_answer_with_all_buttons() -> None:
    metadata = topic_metadata("help", template("complaint"))
    first = BotMessage(text="Sorry.", buttons=(Button(title="A", payload="/a"),))
    second = BotMessage(text="Write to us.", buttons=(Button(title="B", payload="/b"),))
    topic = after(heard("help"), bot_event(first, metadata, 2.0), bot_event(second, metadata, 2.0))
    assert topic.answer == "Sorry.\nWrite to us."
    assert [option.payload for option in topic.options] == ["/a", "/b"]


def test_the_same_question_asked_again_does_not_make_the_answer_longer() -> None:
    metadata = topic_metadata("when?", template("delivery"))
    turn = [heard("when?"), bot_event(BotMessage(text="Soon."), metadata, 2.0)]
    assert after(*turn, *turn, *turn).answer == "Soon."


def test_a_long_answer_is_cut_and_a_new_session_has_no_topic() -> None:
    metadata = topic_metadata("when?", template("delivery"))
    turn = [heard("when?"), bot_event(BotMessage(text="x" * 10_000), metadata, 2.0)]
    assert len(after(*turn).answer) == MAX_ANSWER_CHARS
    for kind in ("session_started", "restart"):
        assert after(*turn, plain_event(kind, 3.0)) == Topic()


def test_events_of_others_do_no_harm() -> None:
    strange = {"event": "bot", "timestamp": 1.0, "text": None, "data": {"buttons": [None, {"title": 1}]}}
    for metadata in (None, {"topic": 1}, {"topic": {"question": 1}}):
        assert after({**strange, "metadata": metadata}) == Topic()
