"""What a page sends, checked: JSON objects that are told apart by their `type`."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from bot.errors import Refused
from bot.request_body import Body
from configs.errors import KefuError

MAX_FRAME_BYTES = 65_536
MAX_ID_CHARS = 64
MAX_FILE_ID_CHARS = 100
MAX_TITLE_CHARS = 200
MAX_COMMENT_CHARS = 2_000
MAX_SEQ = 2**53  # as far as the numbers of JavaScript are whole

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[A-Za-z0-9_.:-]+$")]
Comment = Annotated[str, Field(max_length=MAX_COMMENT_CHARS)]
Seq = Annotated[int, Field(ge=0, lt=MAX_SEQ)]


class Problem(KefuError):
    """A frame that cannot be taken, while the connection goes on.

    Args:
        code: A word that programs can match, such as `TooLong`.
        message: What is wrong and what to do.
        retry_after_s: When it is worth sending it again.
    """

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code, self.retry_after_s = code, retry_after_s


class _Frame(Body):
    """An `id` is the page's own name for a frame: what comes of the frame says it again."""

    id: Id | None = None


class Hello(_Frame):
    """Comes first: who it is, and up to where he has read which conversation."""

    type: Literal["hello"]
    token: str
    after: Seq = 0
    begun: float | None = None


class Message(_Frame):
    """The customer says something, presses a button (`title` is what stands on it), or sends a file."""

    type: Literal["message"]
    id: Id
    text: str = ""
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARS)] = ""
    file: Annotated[str, Field(max_length=MAX_FILE_ID_CHARS)] | None = None


class Typing(_Frame):
    """The customer has begun or stopped to write."""

    type: Literal["typing"]
    on: bool


class Seen(_Frame):
    """The customer has seen everything up to `seq`."""

    type: Literal["seen"]
    seq: Seq


class Rating(_Frame):
    """What the customer thinks of a turn's answer."""

    type: Literal["feedback"]
    turn: Annotated[int, Field(ge=1, lt=2**31)]
    verdict: Literal["up", "down"]
    comment: Comment = ""


class Survey(_Frame):
    """What the customer thinks of the conversation."""

    type: Literal["survey"]
    score: Annotated[int, Field(ge=1, le=5)]
    comment: Comment = ""


class End(_Frame):
    """The customer ends the conversation."""

    type: Literal["end"]


class Ping(_Frame):
    """Asks whether the server is there."""

    type: Literal["ping"]


Frame: TypeAlias = Hello | Message | Typing | Seen | Rating | Survey | End | Ping
_FRAMES: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


def parse_frame(data: dict[str, Any]) -> Frame:
    """A frame.

    Raises:
        Problem: Its type is not known, or a field is missing or wrong.
    """
    try:
        return _FRAMES.validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"].startswith("union_tag"):
            raise Problem("UnknownType", "There is no frame of this type.") from error
        field = ".".join(str(key) for key in first["loc"][1:]) or "type"
        raise Problem("InvalidField", f"{field}: {first['msg']}.") from error


def id_of(data: Any) -> str | None:
    """The `id` of what may be no frame at all, to be told with the error."""
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_ID_CHARS else None


def error_frame(error: Problem | Refused, frame_id: str | None = None) -> dict[str, Any]:
    """What a page is told of what cannot be done."""
    code = error.code if isinstance(error, Problem) else error.reason
    frame: dict[str, Any] = {"type": "error", "code": code, "message": str(error)}
    if frame_id is not None:
        frame["id"] = frame_id
    if error.retry_after_s is not None:
        frame["retry_after_s"] = error.retry_after_s
    return frame
