"""A mailbox that speaks some IMAP (RFC 3501), and a server that speaks some SMTP (RFC 5321)."""

import asyncio
import base64
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

USER, PASSWORD = "help@shop.example", 'a pass "word" \\ of some length'


class _Server:
    """Listens on loopback, and has `talk` do the talking."""

    port = 0

    async def start(self) -> None:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=2**20)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._listening.close()
        await self._listening.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


@dataclass
class Kept:
    """A mail in the folder."""

    raw: bytes
    flags: set[str] = field(default_factory=set)


class ImapServer(_Server):
    """One folder, `INBOX`.

    Attributes:
        mails: By their UID.
        breaks_at: The command at which the connection breaks off, once.
    """

    def __init__(self) -> None:
        self.mails: dict[int, Kept] = {}
        self.breaks_at = ""

    def bring(self, raw: bytes) -> int:
        """Mail has come; gives its UID."""
        number = max(self.mails, default=40) + 3
        self.mails[number] = Kept(raw)
        return number

    @property
    def unread(self) -> list[int]:
        return [number for number, mail in self.mails.items() if r"\Seen" not in mail.flags]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        state = "new"
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            tag, _, command = line.partition(" ")
            if self.breaks_at and command.startswith(self.breaks_at):
                self.breaks_at = ""
                return
            state, said = self._answered(state, command)
            writer.write(
                said + f"{tag} {'BAD' if state == 'bad' else 'NO' if state == 'no' else 'OK'} done\r\n".encode()
            )
            await writer.drain()
            if state == "logout":
                return
            state = "new" if state in ("bad", "no") else state

    def _answered(self, state: str, command: str) -> tuple[str, bytes]:
        if command == "CAPABILITY":
            return state, b"* CAPABILITY IMAP4rev1\r\n"
        if command == "LOGOUT":
            return "logout", b"* BYE\r\n"
        if command.startswith("LOGIN "):
            return ("in" if command == f"LOGIN {_quoted(USER)} {_quoted(PASSWORD)}" else "no"), b""
        if command.startswith("SELECT "):
            found = state in ("in", "selected") and command == 'SELECT "INBOX"'
            return ("selected", f"* {len(self.mails)} EXISTS\r\n".encode()) if found else ("no", b"")
        if state != "selected":
            return "bad", b""
        return self._in_folder(command)

    def _in_folder(self, command: str) -> tuple[str, bytes]:
        if command == "UID SEARCH UNSEEN":
            return "selected", f"* SEARCH {' '.join(map(str, self.unread))}\r\n".encode()
        if found := re.fullmatch(r"UID FETCH (\d+) \(BODY\.PEEK\[\]<0\.(\d+)>\)", command):
            number, most = int(found[1]), int(found[2])
            if number not in self.mails:
                return "selected", b""
            raw = self.mails[number].raw[:most]
            head = f"* {self._place(number)} FETCH (UID {number} BODY[]<0> {{{len(raw)}}}\r\n".encode()
            return "selected", head + raw + b")\r\n"
        if found := re.fullmatch(r"UID STORE (\d+) \+FLAGS \(\\Seen\)", command):
            number = int(found[1])
            if number in self.mails:
                self.mails[number].flags.add(r"\Seen")
                return "selected", f"* {self._place(number)} FETCH (UID {number} FLAGS (\\Seen))\r\n".encode()
            return "selected", b""
        return "bad", b""

    def _place(self, number: int) -> int:
        return list(self.mails).index(number) + 1


@dataclass(frozen=True)
class Sent:
    """What was handed over."""

    sender: str
    recipient: str
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)  # type: ignore[return-value]

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.mail.get_content()).replace("\r\n", "\n").strip("\n")


@dataclass
class _Visit:
    """What one connection has said so far."""

    sender: str = ""
    recipient: str = ""
    is_in: bool = False

    def answer(self, verb: str, line: str) -> str:
        given = line.partition("<")[2].partition(">")[0]
        match verb:
            case "EHLO":
                return "250-fake\r\n250-8BITMIME\r\n250 AUTH PLAIN"
            case "AUTH":
                self.is_in = base64.b64decode(line.split()[2]).decode() == f"\0{USER}\0{PASSWORD}"
                return "235 in" if self.is_in else "535 wrong"
            case "MAIL" if self.is_in:
                self.sender = given
                return "250 ok"
            case "RCPT" if self.sender:
                self.recipient = given
                return "250 ok"
            case "QUIT":
                return "221 bye"
        return "503 not now"


class SmtpServer(_Server):
    """Takes mail of whoever logs in.

    Attributes:
        sent: What it took.
        faults: What it does instead, by command: a code that it answers, 0 to break off. `.` is the end of the mail,
            `!` the same, but after it was taken.
    """

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.faults: deque[tuple[str, int]] = deque()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = _Visit()
        writer.write(b"220 ready\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb = line[:4].upper()
            code = self._fault(verb)
            if code is None and verb == "DATA" and visit.recipient:
                writer.write(b"354 go on\r\n")
                raw = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                code = self._taken(Sent(visit.sender, visit.recipient, raw))
            answer = visit.answer(verb, line) if code is None else f"{code} said of {visit.recipient}"
            if code == 0:
                return
            writer.write(f"{answer}\r\n".encode())
            if verb == "QUIT":
                return

    def _taken(self, sent: Sent) -> int:
        if (code := self._fault(".")) is not None:
            return code
        self.sent.append(sent)
        return 0 if self._fault("!") is not None else 250

    def _fault(self, verb: str) -> int | None:
        if self.faults and self.faults[0][0] == verb:
            return self.faults.popleft()[1]
        return None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
