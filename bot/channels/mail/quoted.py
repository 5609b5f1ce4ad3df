"""What a customer has written of a mail: without what is quoted of the mails before, and without the signature."""

import re

_SIGNATURE = re.compile(r"^-- ?$")
_INTRODUCES = (  # the line above a quotation, as mail programs write it
    re.compile(r"^(On|Am|Le|El|Il|Op)\b.{5,200}(wrote|schrieb.{0,60}|a écrit|escribió|ha scritto|schreef)\s*:$"),
    re.compile(r"^.{0,200}(写道|寫道|のメール|さんは書きました)\s*[:：]$"),
    re.compile(
        r"^-{2,}\s*(Original Message|Ursprüngliche Nachricht|Forwarded message|原始邮件|原始郵件).{0,20}-{2,}$", re.I
    ),
    re.compile(r"^_{10,}$"),
)
_HEADER = re.compile(r"^(From|Von|De|Da|发件人|寄件者)\s*[:：]\s*\S")
_NEXT_HEADER = re.compile(r"^(Sent|Date|To|Gesendet|Datum|An|Envoyé|À|发送时间|收件人|日期)\s*[:：]")


def new_text(text: str) -> str:
    """What is new in a mail; all of it where nothing else would be left."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept: list[str] = []
    for number, line in enumerate(lines):
        following = " ".join(one.strip() for one in lines[number : number + 2])
        if _ends_at(line.strip(), following, lines[number + 1].strip() if number + 1 < len(lines) else ""):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    found = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return found or text.strip()


def _ends_at(line: str, following: str, next_line: str) -> bool:
    """Whether from this line on nothing new comes; an introduction may be broken over two lines."""
    if _SIGNATURE.match(line) or (_HEADER.match(line) and _NEXT_HEADER.match(next_line)):
        return True
    return any(form.match(line) or form.match(following) for form in _INTRODUCES)
