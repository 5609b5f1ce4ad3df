"""How a mail is read: whose it is, its thread, and what is new in it."""

import pytest

from bot.channels.mail.html_text import text_of_html
from bot.channels.mail.incoming import Ignored, Incoming, parse_mail
from bot.channels.mail.quoted import new_text

OWN = "help@shop.example"


def mail(body: str = "Where is my order?", **headers: str | None) -> bytes:
    """A mail; `from_` and the like are its headers, None leaves one out."""
    given: dict[str, str | None] = {
        "From": "Ann <Ann@Home.example>",
        "To": OWN,
        "Subject": "Order 4711",
        "Message-ID": "<m1@home.example>",
        **{_header(name): value for name, value in headers.items()},
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([*lines, "", body]).encode()


def _header(name: str) -> str:
    named = name.strip("_").replace("_", "-").title()
    return "Message-ID" if named == "Message-Id" else named


def read(*args: str, **headers: str | None) -> Incoming:
    return parse_mail(mail(*args, **headers), OWN)


def test_a_mail_says_who_what_and_where_to_answer() -> None:
    found = read()

    assert (found.sender, found.subject, found.text, found.media) == (
        "ann@home.example",
        "Order 4711",
        "Where is my order?",
        (),
    )
    assert found.conversation_id == f"email:ann@home.example:{found.thread}"
    assert found.address == {
        "to": "ann@home.example",
        "subject": "Order 4711",
        "thread": found.thread,
        "in_reply_to": "<m1@home.example>",
        "references": ["<m1@home.example>"],
    }


class TestThreads:
    def test_a_new_mail_is_a_new_thread(self) -> None:
        assert read().thread != read(message_id="<m2@home.example>").thread

    def test_an_answer_is_of_the_thread_whose_first_mail_it_names(self) -> None:
        answer = read(message_id="<m3@home.example>", references="<m1@home.example> <m2@home.example>")

        assert answer.thread == read().thread
        assert answer.address["references"] == ["<m1@home.example>", "<m2@home.example>", "<m3@home.example>"]

    def test_where_a_program_names_only_the_last_it_is_known_by_our_id(self) -> None:
        thread = read().thread
        answer = read(message_id="<m3@home.example>", in_reply_to=f"<kefu.{thread}.key@shop.example>")

        assert answer.thread == thread

    def test_nobody_else_comes_into_it(self) -> None:
        ann = read()
        ours = f"<kefu.{ann.thread}.key@shop.example>"
        for sender in ("bob@home.example", "ann@home.example.evil.example"):
            thief = read(from_=sender, message_id="<m3@x>", references=f"<m1@home.example> {ours}")
            assert thief.conversation_id != ann.conversation_id

    def test_an_answer_that_would_go_elsewhere_is_of_a_thread_elsewhere(self) -> None:
        thief = read(reply_to="eve@evil.example", references="<m1@home.example>")

        assert thief.sender == "eve@evil.example"
        assert thief.conversation_id != read().conversation_id

    def test_the_same_mail_has_the_same_id_and_one_of_another_sender_has_not(self) -> None:
        assert read().external_id == read(subject="again").external_id
        assert read().external_id != read(from_="bob@home.example").external_id
        assert read(message_id=None).external_id != read("Something else", message_id=None).external_id


@pytest.mark.parametrize(
    "headers",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": "Auto-Generated; x=y"},
        {"precedence": "bulk"},
        {"precedence": "LIST"},
        {"list_id": "<news.shop.example>"},
        {"return_path": "<>"},
        {"content_type": "multipart/report; report-type=delivery-status; boundary=b"},
        {"from_": "MAILER-DAEMON@home.example"},
        {"from_": "no-reply@home.example"},
        {"from_": "noreply+123@home.example"},
        {"from_": OWN},
        {"from_": "Help@Shop.example"},
        {"from_": OWN, "reply_to": "ann@home.example"},
        {"from_": None},
        {"from_": ""},
        {"from_": "ann"},
        {"from_": "ann@home.example, bob@home.example"},
        {"from_": "ann@@home.example"},
        {"from_": "<script>@home.example"},
        {"from_": "ann@[127.0.0.1]"},
        {"from_": "än@home.example"},
    ],
)
def test_what_a_machine_has_sent_is_not_answered(headers: dict[str, str | None]) -> None:
    with pytest.raises(Ignored):
        read(**headers)


def test_a_person_may_say_so() -> None:
    assert read(auto_submitted="no").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.\n\nOn Mon, 3 Nov 2025 at 10:00, Help <help@shop.example> wrote:\n> Is it 4711?\n", "Yes."),
        ("Yes.\n\nOn Mon, 3 Nov 2025 at 10:00, Help\n<help@shop.example> wrote:\n\n> Is it 4711?", "Yes."),
        ("Ja.\r\n\r\nAm 3.11.2025 um 10:00 schrieb Hilfe:\r\n> Ist es 4711?", "Ja."),
        ("Oui.\n\nLe lun. 3 nov. 2025 à 10:00, Aide a écrit :\n> 4711 ?", "Oui."),
        ("是的\n\n在 2025年11月3日，客服 <help@shop.example> 写道：\n> 是4711吗？", "是的"),
        ("Yes.\n\n-----Original Message-----\nFrom: Help\nIs it?", "Yes."),
        ("Yes.\n\n________________________________\nFrom: Help\nSent: Monday\nIs it?", "Yes."),
        ("Yes.\n\nFrom: Help <help@shop.example>\nSent: Monday\nTo: Ann\n\nIs it?", "Yes."),
        ("> Is it 4711?\nYes.\n> Anything else?\nNo.", "Yes.\nNo."),
        ("Yes.\n-- \nAnn\n+44 1", "Yes."),
        ("From: here to there, how long?", "From: here to there, how long?"),
        ("On Monday I wrote:\nnothing", "On Monday I wrote:\nnothing"),
        ("> all of it", "> all of it"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("", ""),
    ],
)
def test_only_what_is_new_is_read(text: str, expected: str) -> None:
    assert new_text(text) == expected


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Hi,</p><p>where   is\nit?</p>", "Hi,\n\nwhere is it?"),
        ("Yes<br>No", "Yes\nNo"),
        ("<style>p{}</style><script>alert(1)</script>Yes<blockquote><div>old</div></blockquote>", "Yes"),
        ("&lt;b&gt; &amp; 你好", "<b> & 你好"),
        ("<b>Yes <i>no", "Yes no"),
        ("<script>never closed Yes", ""),
    ],
)
def test_html_becomes_words(html: str, expected: str) -> None:
    assert text_of_html(html) == expected


BOUNDED = "multipart/mixed; boundary=b"


def test_plain_text_is_read_before_html() -> None:
    body = "--b\r\nContent-Type: text/html\r\n\r\n<p>Rich</p>\r\n--b\r\nContent-Type: text/plain\r\n\r\nPlain\r\n--b--"

    assert read(body, content_type="multipart/alternative; boundary=b").text == "Plain"


def test_attachments_are_named_and_not_read() -> None:
    body = (
        "--b\r\nContent-Type: text/plain\r\n\r\nSee this\r\n"
        '--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename="../a\x1b.png"\r\n\r\nxx\r\n'
        "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment\r\n\r\nxx\r\n--b--"
    )
    found = read(body, content_type=BOUNDED)

    assert found.text == "See this"
    assert [one["kind"] for one in found.media] == ["image", "file"]
    assert found.media[1] == {"kind": "file", "mime": "application/pdf"}
    assert "\x1b" not in found.media[0]["name"]


def test_a_mail_of_attachments_has_no_text_and_an_empty_one_its_subject() -> None:
    body = "--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nxx\r\n--b--"

    assert read(body, content_type=BOUNDED).text == ""
    assert read("  \r\n").text == "Order 4711"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"content_type": "text/plain; charset=no-such-thing"}, "hi", "hi"),
        ({"content_type": "text/plain; charset=utf-16"}, "hi", None),
        ({"content_type": "text/plain", "content_transfer_encoding": "base64"}, "w6Q=", "ä"),
        ({"content_type": "text/plain", "content_transfer_encoding": "base64"}, "%%%", None),
        ({"content_type": "multipart/mixed"}, "no boundary", None),
        ({"content_type": "multipart/mixed; boundary=b"}, "--b\r\n" * 500, None),
        ({"content_type": "message/rfc822"}, "From: x\r\n\r\ninner", None),
        ({"subject": "=?utf-8?b?5L2g5aW9?="}, "hi", "hi"),
        ({"subject": "=?x?q?" + "=" * 500}, "hi", "hi"),
        ({"references": "<a@b" * 1_000}, "hi", "hi"),
        ({"references": "<a@b> " * 1_000}, "hi", "hi"),
        ({"subject": "a\r\n b"}, "hi", "hi"),
    ],
)
def test_odd_mails_are_read_as_far_as_they_go(headers: dict[str, str], body: str, expected: str | None) -> None:
    found = read(body, **headers)

    assert expected in (None, found.text)
    assert len(found.references) <= 50
    assert "\n" not in found.subject
