"""Slack's way of writing, both ways, and the blocks that Slack's own models accept."""

import time
from typing import Any

import pytest
from fakes.slack import FakeSlack
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from bot.channels.slack.blocks import rendered
from bot.channels.slack.mrkdwn import chunks, mrkdwn, plain
from bot.messages import BotMessage
from configs.domain import Button

BUTTONS = (Button(title="Hours", payload="/hours"), Button(title="Order", payload='/order{"number": "1"}'))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        (
            "<!channel> <@U1> <https://evil.example|bank>",
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|bank&gt;",
        ),
        ("**bold** and __too__", "*bold* and *too*"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("**a *b* c** __d_e__ f__g__h", "*a *b* c* *d_e* f__g__h"),
        ("~~gone~~", "~gone~"),
        ("# Opening hours #", "*Opening hours*"),
        ("see [the page](https://shop.example/a?b=1&c=2)", "see <https://shop.example/a?b=1&amp;c=2|the page>"),
        ("[x|y](https://shop.example/a|b)", "<https://shop.example/a%7Cb|x¦y>"),
        ("[wiki](https://shop.example/a_(b))", "<https://shop.example/a_(b)|wiki>"),
        ("[write](mailto:a@shop.example)", "<mailto:a@shop.example|write>"),
        ("[run](javascript:alert(1))", "[run](javascript:alert(1))"),
        ("`**a** [b](https://c.d)` **e**", "`**a** [b](https://c.d)` *e*"),
        ("```\n# a < b\n```", "```\n# a &lt; b\n```"),
    ],
)
def test_markdown_becomes_what_slack_writes(said: str, shown: str) -> None:
    assert mrkdwn(said) == shown


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<@U0BOT> where is my order?", "where is my order?"),
        ("<@U0BOT|kefu>hello", "hello"),
        ("ask <@U0ANN> or <@U0ANN|ann>", "ask @U0ANN or @ann"),
        ("in <#C01|general> and <#C02>", "in #general and #C02"),
        ("<https://shop.example|shop.example> and <https://shop.example/b>", "shop.example and https://shop.example/b"),
        ("<mailto:a@b.example|a@b.example>, <mailto:c@d.example>", "a@b.example, c@d.example"),
        ("<!here> <!subteam^S1|@shop> <!date^1|today>", "@here @shop today"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2, &amp;lt;", "1 < 2 && 3 > 2, &lt;"),
        ("a < b", "a < b"),
    ],
)
def test_what_a_customer_saw_is_read(written: str, read: str) -> None:
    assert plain(written, "U0BOT") == read


@pytest.mark.parametrize("part", ["**a ", "__a ", "~~a ", "```a", "[a](https://b(c)", "# ", "\n#", "[a](https://"])
def test_no_text_takes_long(part: str) -> None:
    started = time.perf_counter()
    mrkdwn(part * (20_000 // len(part)))
    plain("<@U|" * 5_000, "U0BOT")

    assert time.perf_counter() - started < 2.0


@given(st.text())
def test_whatever_is_said_is_shown_as_it_was_said(text: str) -> None:
    shown = mrkdwn(text.replace("*", "").replace("_", "").replace("~", "").replace("#", "").replace("[", ""))

    assert plain(shown, None) == text.translate(dict.fromkeys(map(ord, "*_~#["))).strip()


@given(st.text(st.sampled_from("a &<>\n"), min_size=1), st.integers(10, 30))
def test_pieces_are_short_and_make_up_the_whole(text: str, most: int) -> None:
    pieces = list(chunks(mrkdwn(text), most))

    assert all(len(piece) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(mrkdwn(text).split())
    assert all(plain(piece, None).count("&amp") == 0 for piece in pieces)


@pytest.mark.parametrize(
    "message",
    [
        BotMessage(text="Which?", buttons=BUTTONS),
        BotMessage(text="&" * 3_000, buttons=BUTTONS),
        BotMessage(text="x " * 1_500, buttons=tuple(Button(title="t" * 75, payload="p" * 2_000) for _ in range(25))),
        BotMessage(text="?", buttons=(Button(title="", payload="/x"),)),
        BotMessage(text=" ", buttons=BUTTONS),
        BotMessage(image="https://shop.example/shoes.png"),
        BotMessage(image="https://shop.example"),
        BotMessage(image="/shoes.png"),
        BotMessage(image="https://shop.example/" + "x" * 3_000),
    ],
)
def test_slacks_own_models_take_the_blocks(message: BotMessage) -> None:
    arguments = rendered(message)

    assert arguments["text"] or arguments["blocks"]
    for block in arguments.get("blocks", []):
        parsed: Any = Block.parse(block)
        parsed.validate_json()
        assert parsed.to_dict() == block
    assert FakeSlack()._blocks_are_right(arguments.get("blocks", []))


def test_buttons_stand_below_their_text() -> None:
    assert rendered(BotMessage(text="**Which?**", buttons=BUTTONS[:1])) == {
        "text": "*Which?*",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "*Which?*"}},
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "choice_0",
                        "text": {"type": "plain_text", "text": "Hours", "emoji": True},
                        "value": "/hours",
                    }
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (BotMessage(text="Hi <you>"), {"text": "Hi &lt;you&gt;"}),
        (BotMessage(attachment={"type": "file", "payload": {"src": "https://a.example/b"}}), {"text": "https://a.example/b"}),
        (BotMessage(attachment={"title": "T", "ts": 1}), {"text": "T", "attachments": [{"title": "T", "ts": 1}]}),
        (BotMessage(attachment=["a"]), {"text": "['a']"}),
        (BotMessage(custom={"text": "<b>", "token": "x", "mrkdwn": False}), {"text": "<b>", "mrkdwn": False}),
        (BotMessage(custom=["a"]), {"text": "['a']"}),
        (
            BotMessage(image="https://shop.example/a/shoes.png?w=1"),
            {
                "text": "https://shop.example/a/shoes.png?w=1",
                "blocks": [
                    {"type": "image", "image_url": "https://shop.example/a/shoes.png?w=1", "alt_text": "shoes.png"}
                ],
            },
        ),
    ],
)  # fmt: skip
def test_each_thing_has_its_form(message: BotMessage, arguments: dict[str, Any]) -> None:
    assert rendered(message) == arguments


@pytest.mark.parametrize("word", ["channel", "here", "everyone", "CHANNEL", "here|@here"])
def test_nothing_in_slacks_own_form_calls_a_whole_channel(word: str) -> None:
    text = {"type": "mrkdwn", "text": f"<!{word}> <!date^1^{{date}}|now> <https://shop.example|here>"}

    custom = rendered(BotMessage(custom={"text": f"<!{word}>", "blocks": [{"type": "section", "text": text}]}))
    attachment = rendered(BotMessage(attachment={"fallback": f"<!{word}>", "text": f"<!{word}>"}))

    shown = f"&lt;!{word}> <!date^1^{{date}}|now> <https://shop.example|here>"
    assert custom == {
        "text": f"&lt;!{word}>",
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": shown}}],
    }
    assert attachment["attachments"] == [{"fallback": f"&lt;!{word}>", "text": f"&lt;!{word}>"}]
    assert attachment["text"] == f"&lt;!{word}&gt;"
