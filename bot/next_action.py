"""What the bot does next. Pure: a function of the conversation, the release's flows and the decision on the message.

In order: nothing while it is paused or a person has taken over; what an action asked for; Rasa's default intents; the
form under way; the rules, then the stories; the past answer or the question back that was decided on; the fallback.
"""

from bot.conversation import ASK_BACK, PAST_ANSWER, Conversation
from bot.default_actions import DEFAULT_INTENTS
from bot.events import LISTEN
from bot.flow_policy import KEFU, RULES, FlowPolicy, NextAction
from bot.policy import AskBack, Decision, PastAnswer
from configs.bot_spec import BotSpec


def next_action(
    conversation: Conversation,
    spec: BotSpec,
    flows: FlowPolicy,
    decision: Decision | None,
    *,
    answered: bool,
    rejected: str | None = None,
) -> NextAction:
    """What is done next.

    Args:
        decision: On the last message; None where it needed none.
        answered: Whether anything but a form has been run since the last message.
        rejected: An action that would not run just now.
    """
    before = _before_flows(conversation, answered=answered)
    if before is not None:
        return before
    found = (None if answered else _chosen(decision)) or flow_action(conversation, spec, flows)
    if found is not None and found.action == rejected:
        found = None
    loop = conversation.loop
    if loop is not None and answered and (found is None or (found.action == LISTEN and found.general)):
        return NextAction(action=loop.name, policy=RULES)
    if found is not None:
        return found
    # Where stories are not all there is to go by in Rasa, a learned policy would listen after what was done.
    listens = answered and not spec.exact_stories
    if listens or not spec.falls_back or conversation.now.action == spec.fallback_action:
        return NextAction(action=LISTEN, policy=KEFU)
    return NextAction(action=spec.fallback_action, policy=RULES)


def _before_flows(conversation: Conversation, *, answered: bool) -> NextAction | None:
    """What comes before rules and stories are asked."""
    now, loop = conversation.now, conversation.loop
    if conversation.is_silent:
        return NextAction(action=LISTEN, policy=KEFU)
    if now.followup:
        return NextAction(action=now.followup, policy=KEFU)
    if not answered and conversation.intent in DEFAULT_INTENTS:
        return NextAction(action=DEFAULT_INTENTS[conversation.intent], policy=RULES)
    if now.action in (PAST_ANSWER, ASK_BACK):
        return NextAction(action=loop.name if loop else LISTEN, policy=KEFU)
    if loop is not None and not loop.rejected:
        return NextAction(action=LISTEN if now.action == loop.name else loop.name, policy=RULES)
    return None


def flow_action(conversation: Conversation, spec: BotSpec, flows: FlowPolicy) -> NextAction | None:
    """What a rule, else a story, says comes next."""
    return flows.next(
        conversation.now.history,
        conversation.situation(spec.domain),
        from_start=conversation.now.from_start,
    )


def _chosen(decision: Decision | None) -> NextAction | None:
    """What was decided on and no flow knows of."""
    match decision:
        case PastAnswer():
            return NextAction(action=PAST_ANSWER, policy=KEFU)
        case AskBack():
            return NextAction(action=ASK_BACK, policy=KEFU)
    return None
