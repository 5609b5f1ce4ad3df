"""Which files are taken, told by how they begin: what a browser or a name says of a file is not believed."""

from dataclasses import dataclass

LOOKED_AT_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: As settings name it.
        extension: What its name ends in when it is downloaded.
    """

    name: str
    mime: str
    extension: str

    @property
    def is_image(self) -> bool:
        """Whether it is shown in the chat."""
        return self.mime.startswith("image/")


KINDS = {
    kind.name: kind
    for kind in (
        FileKind(name="png", mime="image/png", extension=".png"),
        FileKind(name="jpeg", mime="image/jpeg", extension=".jpg"),
        FileKind(name="gif", mime="image/gif", extension=".gif"),
        FileKind(name="webp", mime="image/webp", extension=".webp"),
        FileKind(name="pdf", mime="application/pdf", extension=".pdf"),
        FileKind(name="txt", mime="text/plain", extension=".txt"),
    )
}
_BEGINNINGS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff",
    "pdf": b"%PDF-",
}
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f")


def kind_of(beginning: bytes) -> FileKind | None:
    """The kind of a file that begins so; None where it is none of those that are taken.

    Args:
        beginning: Its first `LOOKED_AT_BYTES`, or all of it.
    """
    for name, mark in _BEGINNINGS.items():
        if beginning.startswith(mark):
            return KINDS[name]
    if beginning[:6] in (b"GIF87a", b"GIF89a"):
        return KINDS["gif"]
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        return KINDS["webp"]
    return KINDS["txt"] if _is_plain_text(beginning) else None


def _is_plain_text(beginning: bytes) -> bool:
    """Whether it is text, and not such as a browser could take for a page or a picture."""
    try:
        text = beginning.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(beginning) < LOOKED_AT_BYTES or error.start < len(beginning) - 3:  # not just a character that is cut
            return False
        text = beginning[: error.start].decode("utf-8")
    return bool(text) and not _CONTROLS.intersection(beginning) and not text.lstrip("\ufeff \t\r\n").startswith("<")
