"""What a file is called when it is shown and downloaded: a plain name, whatever its sender has called it."""

import re
import unicodedata
from urllib.parse import quote

from bot.channels.widget.file_kinds import FileKind

MAX_STEM_CHARS = 80
_UNFIT = re.compile(r'[<>:"|?*\\/\x00-\x1f]+')


def file_name(given: str, kind: FileKind) -> str:
    """A name without folders, control characters and turned text, that ends as its kind does."""
    last = re.split(r"[\\/]", given)[-1][: 4 * MAX_STEM_CHARS]
    visible = "".join(character for character in last if unicodedata.category(character)[0] != "C")
    plain = _UNFIT.sub("_", visible).strip(" .")
    stem = plain.rpartition(".")[0] or plain
    return f"{stem[:MAX_STEM_CHARS].strip(' .') or 'file'}{kind.extension}"


def disposition(name: str) -> str:
    """The header by which a browser saves a file under `name`, and never opens it as a page."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
