"""Chat in the terminal, through the same dialogue that serves customers."""

import asyncio
import io
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.actions import CustomActions
from bot.dialogue import DialogueManager
from bot.errors import Refused
from bot.inference import Inference
from bot.messages import BotMessage, UserMessage
from bot.model_host import ModelHost
from bot.request_body import checked_text
from bot.stores.sqlite import SqliteStore
from bot.turn import Turn

MAX_TEXT_CHARS = 4_000
READINGS = 4  # of one message at the same time: as it stands, and with what was said before
ENDINGS = frozenset({"/stop", "/quit", "/exit"})


async def chat(host: ModelHost, actions: CustomActions | None, console: Console, *, explain: bool) -> None:
    """Reads lines until the end of input; nothing of it is kept."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a byte that is not UTF-8 is no reason to end
    inference = Inference(host, max_batch=READINGS, max_waiting=READINGS, timeout_s=60)
    store = SqliteStore(None)
    await store.open()
    dialogue = DialogueManager(inference, store, actions=actions)
    console.print(f"Release {host.engine.id}. A number chooses a button; Ctrl+D or /stop ends.")
    payloads: list[str] = []
    try:
        while (line := await asyncio.to_thread(_read_line)) is not None and line.strip() not in ENDINGS:
            if not line.strip():
                continue
            text = _chosen(line.strip(), payloads)
            try:
                message = UserMessage(
                    conversation_id="shell",
                    text=checked_text(text, "message", MAX_TEXT_CHARS),
                    channel="cmdline",
                )
                turn = await dialogue.handle(message)
            except Refused as error:
                console.print(f"[red]{escape(str(error))}[/red]")
                continue
            payloads = _show(turn.messages, console)
            if explain:
                console.print(explanation(turn))
    finally:
        await inference.close()
        await store.close()
        if actions is not None:
            await actions.close()


def _read_line() -> str | None:
    try:
        return input("you> ")
    except EOFError:
        return None


def _chosen(line: str, payloads: list[str]) -> str:
    """The payload of the button whose number was typed, else the line itself."""
    if line.isascii() and line.isdigit() and 1 <= int(line) <= len(payloads):
        return payloads[int(line) - 1]
    return line


def _show(messages: tuple[BotMessage, ...], console: Console) -> list[str]:
    payloads: list[str] = []
    for message in messages:
        if message.text:
            console.print(f"[bold]bot>[/bold] {escape(message.text)}", soft_wrap=True)
        for part in (message.image, message.attachment, message.custom, *message.elements):
            if part:
                console.print(f"[bold]bot>[/bold] {escape(str(part))}", soft_wrap=True)
        for button in message.buttons:
            payloads.append(button.payload)
            console.print(f"     {len(payloads)}) {escape(button.title)}", soft_wrap=True)
    return payloads


def explanation(turn: Turn) -> Table:
    """Why the turn went as it did: the decision, the likeliest intents, the best past questions."""
    table = Table(
        title=turn.reason if turn.decision is None else f"{turn.reason}, confidence {turn.decision.confidence:.2f}",
        title_justify="left",
    )
    table.add_column("intent")
    table.add_column("p", justify="right")
    table.add_column("past question")
    table.add_column("p", justify="right")
    if turn.reading is not None:
        ranking, hits = turn.reading.understanding.ranking[:3], turn.reading.hits[:3]
        for row in range(max(len(ranking), len(hits))):
            intent = (ranking[row].name, f"{ranking[row].probability:.3f}") if row < len(ranking) else ("", "")
            hit = (
                (f"{hits[row].pair.id}: {hits[row].pair.question}", f"{hits[row].probability:.3f}")
                if row < len(hits)
                else ("", "")
            )
            table.add_row(*(escape(cell) for cell in (*intent, *hit)))
    return table
