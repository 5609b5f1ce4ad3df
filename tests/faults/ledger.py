"""What was promised and what was done: an account of a run from outside the server, and the promises checked over it.

The client writes down what was acknowledged, the receiver what was sent; the tables are read as another program would.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from receiver import Sent
from stub_engine import words_of

Select = Callable[[str], list[tuple[Any, ...]]]
TERMINAL = {"done", "failed", "expired"}
SENT_FOR_GOOD = {"sent", "unknown", "failed", "expired"}
_NONCE = re.compile(r"\b(c\d+)#(\d+)#[0-9a-f]{8}\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a client.

    Attributes:
        words: Nothing else anywhere has them.
    """

    conversation: str
    seq: int
    external_id: str
    words: str


@dataclass
class Account:
    """All that is known of a run.

    Attributes:
        acknowledged: Messages that were answered with success.
        sent: What the receiver took, in order.
        refused: What it did not take.
        select: Reads the tables.
        logs: What the servers wrote.
        releases: The good ones.
        failed: Ids of messages that are to fail.
    """

    select: Select
    acknowledged: list[Asked] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    releases: Collection[str] = ()
    failed: Collection[str] = ()

    def broken(self) -> dict[str, list[str]]:
        """The promises that were not kept, each with what speaks against it."""
        checks = (self.p1_lost, self.p2_misordered, self.p3_doubled, self.p4_mixed, self.p5_damaged, self.p6_leaked)
        found = {check.__name__[:2].upper(): sorted(set(check()))[:5] for check in checks}
        return {promise: cases for promise, cases in found.items() if cases}

    def p1_lost(self) -> Iterator[str]:
        """What was acknowledged is in the inbox and came to an end, and so did its reply."""
        inbox = {row[0]: row[1:] for row in self.select("SELECT external_id, state, reason FROM inbox")}
        for asked in self.acknowledged:
            state, reason = inbox.get(asked.external_id, ("nowhere", None))
            if state not in TERMINAL or (state != "done" and not reason):
                yield f"{asked.external_id} is {state}"
            if (state == "done") is (asked.external_id in self.failed):
                yield f"{asked.external_id} is {state}: {reason}"
        for key, state in self.select("SELECT key, state FROM outbox"):
            if state not in SENT_FOR_GOOD:
                yield f"part {key} is {state}"

    def p2_misordered(self) -> Iterator[str]:
        """Each conversation's parts arrive in the order of its inbox, and of the reply."""
        rows = self.select(
            "SELECT outbox.key, inbox.conv_seq, outbox.part_no FROM outbox JOIN inbox ON inbox.id = outbox.inbox_id"
        )
        places = {key: (int(seq), int(part)) for key, seq, part in rows}
        for conversation, sent in self._by_conversation().items():
            numbers = [places[one.key] for one in sent if one.key in places]
            if numbers != sorted(numbers):
                yield f"{conversation}: parts in the order {numbers}"
            asked = [int(found[2]) for one in sent if (found := _NONCE.search(one.text))]
            if asked != sorted(asked):
                yield f"{conversation}: replies to messages {asked}"

    def p3_doubled(self) -> Iterator[str]:
        """No message has two replies, and no part is taken twice."""
        for key, count in Counter(one.key for one in self.sent).items():
            if count > 1:
                yield f"part {key} was sent {count} times"
        words = Counter(found[0] for one in self.sent if (found := _NONCE.search(one.text)))
        yield from (f"{one} was answered {count} times" for one, count in words.items() if count > 1)

    def p4_mixed(self) -> Iterator[str]:
        """Each reply is by one release, and by a good one."""
        good = {words_of(release) for release in self.releases}
        for one in self.sent:
            if one.text.startswith("I am") and one.text not in good:
                yield one.text
        for (data,) in self.select("SELECT data FROM events WHERE type_name = 'bot'"):
            event = json.loads(data)
            release = event["metadata"]["release"]
            said = event["text"].split("\n\n")[-1]
            if release not in self.releases or (said.startswith("I am") and said != words_of(release)):
                yield f"{release} said {said}"

    def p5_damaged(self) -> Iterator[str]:
        """Each conversation is what its answered messages make it, and the file is whole."""
        done = Counter(who for (who,) in self.select("SELECT conversation_id FROM inbox WHERE state = 'done'"))
        heard = Counter(who for (who,) in self.select("SELECT sender_id FROM events WHERE type_name = 'user'"))
        for who, state in self.select("SELECT sender_id, state FROM conversations"):
            if who in done and done[who] != heard[who]:
                yield f"{who}: {done[who]} messages were answered, {heard[who]} are in the events"
            last = self.select(
                f"SELECT payload FROM inbox WHERE conversation_id = '{who}' AND state = 'done' ORDER BY conv_seq DESC LIMIT 1"  # noqa: S608, E501
            )
            if last and json.loads(last[0][0])["text"] not in state:
                yield f"{who}: its state does not know its last message"

    def p6_leaked(self) -> Iterator[str]:
        """Nothing that one customer wrote reaches another, or a log."""
        for one in self.sent:
            for found in _NONCE.finditer(one.text):
                if found[1] != one.conversation:
                    yield f"{one.conversation} was told {found[0]}"
        for log in self.logs:
            yield from (f"a log holds {found[0]}" for found in _NONCE.finditer(log))

    def _by_conversation(self) -> dict[str, list[Sent]]:
        grouped = defaultdict(list)
        for one in self.sent:
            grouped[one.conversation].append(one)
        return grouped
