"""A data folder in which every store holds something of one customer, and something of another."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stub_engine import write_stub_release

from bot.conversation import Conversation
from bot.erasure.traces import hidden
from bot.events import Event
from bot.stores.evidence import Feedback
from bot.stores.labels import Label, LabelKind, give_label
from bot.stores.sqlite import SqliteStore
from bot.stores.turn import Evidence, Reminder, TurnWrite
from configs.learned import read_origins
from configs.taught import Meaning, Taught
from retrieval.knowledge_edits import Put
from retrieval.knowledge_store import KnowledgeStore
from retrieval.pair import Pair
from retrieval.proposals import PROPOSALS_FILE, Proposal, ProposalStore
from training.learned import LEARNED_FILE, learned_files, lesson_of, publish_learned, trained_with

ANN, BEN = "widget:ann", "ben"
NONCE = "zephyrquill"
ASKED = f"Does the {NONCE} fit a left hand?"
OTHERS = "Is there a left handed one?"
OWN_INTENT = "left_hand"


def build(data: Path) -> Path:
    """Fills the folder."""
    asyncio.run(fill_conversations(data))
    fill_knowledge(data)
    fill_learned(data)
    fill_files(data)
    return data


async def fill_conversations(data: Path) -> None:
    store = SqliteStore(data / "conversations.db")
    await store.open()
    for who, text in ((ANN, ASKED), (BEN, OTHERS)):
        why = Evidence(
            at=1.0, release_id="rel0000", reason="unsure", message=text, channel="rest", evidence={"x": text}
        )
        turn = TurnWrite(
            evidence=why,
            parts=({"text": f"You said {text}"},),
            deliver=True,
            channel="rest",
            reminders=(Reminder(name=text, due_at=9e9, channel="rest", payload={"x": text}),),
        )
        await store.append(Conversation(id=who), said_events(text), turn=turn)
        await store.give_feedback(
            Feedback(conversation_id=who, turn_seq=1, who="customer", verdict="wrong", comment=text, at=2.0)
        )
        label = Label(
            conversation_id=who, turn_seq=1, text=text, kind=LabelKind.PAIR, value="hands", who="anna", at=3.0
        )
        await store.write(lambda connection, label=label: give_label(connection, label))
    await store.close()


def said_events(text: str) -> Sequence[Event]:
    return [{"event": "user", "timestamp": 1.0, "text": text, "parse_data": {}, "input_channel": "rest"}]


def fill_knowledge(data: Path) -> None:
    """`hands` is the owner's with wordings of both; `review-1` is made of Ann's alone; two pairs were mined."""
    hands = Pair(id="hands", question="Which hand is it for?", answer="Either.")
    with KnowledgeStore(data / "knowledge.db") as store:
        store.change([Put(hands, "files")])
        store.change([Put(hands.with_values(also_asked=(ASKED, OTHERS)), "review", note="labels 1, 2")])
        own = Pair(id="review-1", question=ASKED, answer="It does.", source="review")
        store.change([Put(own, "review", note="labels 1")])
        proposals = ProposalStore(data / PROPOSALS_FILE)
        proposals.add([mined("alone", ASKED, (f"kefu:{ANN}, session 2",)), mined("both", ASKED, (ANN, BEN), (OTHERS,))])
        proposals.add([mined("waits", ASKED, (f"auto:{ANN}", BEN)), mined("ben", OTHERS, (BEN,))])
        for id_ in ("alone", "both"):
            proposals.accept(id_, "anna", store)
        proposals.close()


def mined(id_: str, question: str, conversations: tuple[str, ...], also_asked: tuple[str, ...] = ()) -> Proposal:
    return Proposal(
        id=id_,
        question=question,
        answer="Either.",
        also_asked=also_asked,
        count=len(conversations),
        conversations=conversations,
        score=0.5,
    )


def fill_learned(data: Path) -> None:
    """Rows of both, one intent that only Ann's message has, and a release that was trained with them."""
    rows = [
        taught(1, ASKED, OWN_INTENT, ANN, new=True),
        taught(3, ASKED, "It does.", ANN, meaning=Meaning.ANSWER, intent=OWN_INTENT),
        taught(4, f"{NONCE} again please [x](y)", "hand", ANN),
        taught(2, OTHERS, "hand", BEN),
    ]
    files = learned_files(lesson_of(rows, {"hand"}))
    publish_learned(data, files)
    release = write_stub_release(data, "rel0000")
    old = write_stub_release(data, "rel0001", promote=False)
    (release.folder / LEARNED_FILE).write_bytes(trained_with(read_origins(data / "learned")))
    assert old.manifest.knowledge_seq == 0


def taught(number: int, text: str, value: str, who: str, meaning: Meaning = Meaning.INTENT, **more: Any) -> Taught:
    values = {"conversation": who, "turn": 1, "who": "anna", "at": 1.0, **more}
    return Taught(number=number, text=text, value=value, meaning=meaning, **values)


def fill_files(data: Path) -> None:
    folder = data / "uploads" / hidden("ann")[:32]
    folder.mkdir(parents=True)
    (folder / "f00").write_text(NONCE)
    (folder / "f00.json").write_text(
        json.dumps({"id": "f00", "name": f"{NONCE}.txt", "bytes": 11, "mime": "text/plain"})
    )
    export = data / "exports" / hidden(ANN)
    export.mkdir(parents=True)
    (export / "sender.json").write_text(NONCE)
    for name in ("refresh", "work"):
        (data / name / "0123").mkdir(parents=True)
        (data / name / "0123" / "rows.jsonl").write_text(NONCE)
    (data / "refresh" / "taught.jsonl").write_text(NONCE)
    (data / "refresh" / "accepted.json").write_text('["ab12"]')


def files_with(data: Path, text: str) -> list[str]:
    """The files under `data` in which `text` stands."""
    found = (path for path in sorted(data.rglob("*")) if path.is_file())
    return [str(path.relative_to(data)) for path in found if text.encode() in path.read_bytes()]
