"""What a customer can do in the chat, in a real browser against the real bot."""

import re
import sqlite3
from contextlib import closing

import pytest
import pytest_asyncio
from e2e_servers import BotSite, ScriptedBot, Shop, picture
from e2e_visitor import Visit, Visitor, until
from playwright.async_api import Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")

GREETING = "What can I help you with?"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('refused') } });"
NO_SOCKETS = "window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.(), 0); } close() {} };"


@pytest_asyncio.fixture(loop_scope="session")
async def ann(visit: Visit, shop: Shop, bot: BotSite) -> Visitor:
    """A customer on the shop's page who has opened the chat and was greeted."""
    ann = await visit(shop.origin)
    await ann.open()
    await ann.sees(GREETING)
    return ann


async def test_the_launcher_opens_a_chat_in_which_the_bot_speaks_first(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await visit(shop.origin)
    await expect(ann.launcher).to_be_visible()
    await expect(ann.panel).to_be_hidden()
    assert await ann.kept() == {}, "nothing is kept of a customer who does not chat"
    await ann.picture("launcher")

    await ann.open()

    await ann.sees(GREETING)
    await expect(ann.page.get_by_role("dialog", name="Bowl & Vase")).to_be_visible()
    assert await ann.focused() == "textarea"
    assert set(await ann.kept()) >= {"token", "session"}
    assert ann.wrong == []


async def test_a_button_says_its_title_and_sends_its_payload(ann: Visitor, bot: BotSite) -> None:
    await expect(ann.choices).to_have_count(3)

    await ann.choices.filter(has_text="Where is my order?").click()

    await ann.sees("tracking link")
    assert await ann.own_words() == ["Where is my order?"]
    assert await bot.said_by_customer(await ann.conversation_id()) == ["/track_order"]
    await expect(ann.choices).to_have_count(0)
    assert await ann.focused() == "textarea"
    await ann.page.reload()
    await ann.open()
    await ann.sees("tracking link")
    assert await ann.own_words() == ["Where is my order?"]
    await expect(ann.choices).to_have_count(0)


async def test_parts_are_shown_as_they_come_and_who_writes_is_said(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.say("hello")
    await ann.sees("hello", by="user")

    await scripted.tell({"type": "typing", "from": "bot", "on": True})
    typing = ann.log.locator(".typing")
    await expect(typing).to_contain_text("Assistant is writing")
    await scripted.event(**{"from": "bot", "text": "First."})
    await ann.sees("First.")
    await expect(typing).to_have_count(0)
    await scripted.tell({"type": "typing", "from": "bot", "on": True})
    await expect(typing).to_have_count(1)
    await scripted.tell({"type": "typing", "from": "bot", "on": False})
    await expect(typing).to_have_count(0)
    await scripted.event(**{"from": "bot", "text": "Second."})
    await ann.sees("Second.")
    assert await ann.conversation() == [("user", "hello"), ("bot", "First."), ("bot", "Second.")]


async def test_what_the_customer_types_is_told(visit: Visit, scripted: ScriptedBot) -> None:
    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.field.press_sequentially("helloo")
    await ann.field.press("Enter")
    await ann.sees("helloo", by="user")
    assert [frame["on"] for frame in scripted.taken if frame["type"] == "typing"] == [True, False]


async def test_markdown_cards_and_pictures_are_shown(ann: Visitor, shop: Shop) -> None:
    answer = await ann.ask("Show me the price list of delivery", "SPRING-10")
    await expect(answer.locator("table td")).to_have_text(["Germany", "2-4", "Norway", "4-7"])
    await expect(answer.locator("ol li")).to_have_count(2)
    await expect(answer.locator("strong")).to_have_text("Delivery")
    link = answer.get_by_role("link", name=re.compile("the carrier"))
    await expect(link).to_have_attribute("href", "https://carrier.example/track")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await ann.picture("chat")

    await ann.ask("thanks", "Here are some ideas")
    cards = ann.log.locator(".card")
    await expect(cards.first).to_contain_text("Blue bowl")
    await expect(cards.first.get_by_role("link")).to_have_attribute("href", "https://shop.example/bowl")
    await expect(cards.nth(1).get_by_role("button", name="Return it")).to_be_visible()
    await ann.picture("cards")

    await ann.ask("bye", "Goodbye!")
    image = ann.log.locator(".picture img").last
    await expect(image).to_have_js_property("naturalWidth", 120)
    await expect(image).to_have_attribute("alt", "Picture")
    await expect(ann.log.locator("a.picture").last).to_have_attribute("href", f"{shop.origin}/picture.png")
    assert ann.wrong == []


async def test_an_answer_is_rated_once_and_the_comment_added(ann: Visitor, bot: BotSite) -> None:
    await ann.ask("when are you open", "18:00")
    rating = ann.log.locator(".rating").last
    down = rating.get_by_role("button", name="Not helpful")

    await down.click()
    await rating.get_by_label("What was wrong with it?").fill("It is out of date.")
    await ann.picture("comment")
    await rating.get_by_role("button", name="Send").click()

    await expect(down).to_have_attribute("aria-pressed", "true")
    await expect(rating).to_contain_text("Thank you.")
    await expect(rating.locator("form")).to_have_count(0)
    await _until_sent(ann)
    await ann.page.reload()
    await ann.open()
    await expect(ann.log.locator(".rating .thumb[aria-pressed=true]")).to_have_attribute("aria-label", "Not helpful")
    with closing(sqlite3.connect(bot.data / "conversations.db")) as store:
        asked = "SELECT verdict, comment FROM feedback WHERE conversation_id = ?"
        kept = store.execute(asked, (await ann.conversation_id(),)).fetchall()
    assert kept == [("wrong", "It is out of date.")]


async def _until_sent(visitor: Visitor) -> None:
    await visitor.page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.includes('pending:'))")


async def test_the_end_of_a_chat_asks_how_it_was(ann: Visitor, bot: BotSite) -> None:
    end = ann.page.get_by_role("button", name="End chat")
    await expect(end).to_be_hidden()
    await ann.ask("when are you open", "18:00")

    await end.click()
    survey = ann.page.locator("kefu-chat .survey")
    await expect(survey.get_by_role("group", name="How was this chat?")).to_be_visible()
    assert await ann.page.evaluate("document.querySelector('kefu-chat').shadowRoot.activeElement.type") == "radio"
    await expect(survey.get_by_role("button", name="Send")).to_be_disabled()
    await ann.page.keyboard.press("Space")
    for _ in range(3):
        await ann.page.keyboard.press("ArrowRight")
    await expect(survey.locator("output")).to_have_text("Good")
    await survey.get_by_label("Anything else?").fill("Quick.")
    await ann.picture("survey")
    await survey.get_by_role("button", name="Send").click()

    await expect(ann.page.get_by_text("Thank you for telling us.")).to_be_visible()
    await _until_sent(ann)
    tracker = await bot.call("GET", f"/conversations/{await ann.conversation_id()}/tracker")
    assert tracker["slots"]["kefu_survey"] == {"score": 4, "comment": "Quick."}


async def test_a_picture_is_sent_and_shown(ann: Visitor) -> None:
    chooser = ann.page.locator("kefu-chat input[type=file]")
    assert "image/png" in str(await chooser.get_attribute("accept"))

    await chooser.set_input_files({"name": "broken bowl.png", "mimeType": "image/png", "buffer": picture(80, 40)})

    image = ann.log.locator(".message.user .picture img")
    await expect(image).to_have_js_property("naturalWidth", 80)
    await expect(image).to_have_attribute("alt", "broken bowl.png")
    await expect(ann.log.locator(".message.user")).to_have_count(1)
    await ann.page.reload()
    await ann.open()
    await expect(image).to_have_js_property("naturalWidth", 80)
    assert ann.wrong == []


@pytest.mark.parametrize(
    ("name", "kind", "content", "told"),
    [
        ("big.png", "image/png", picture(80, 40) + b"\0" * 60_000, "big.png is too large. 50 kB is the most."),
        ("run.exe", "application/x-msdownload", b"MZ", "run.exe cannot be sent"),
        ("drawing.svg", "image/svg+xml", b"<svg/>", "drawing.svg cannot be sent"),
        ("fake.png", "image/png", b"<script>alert(1)</script>", "fake.png cannot be sent"),
    ],
)
async def test_a_file_that_is_not_taken_is_said_to_be(
    ann: Visitor, name: str, kind: str, content: bytes, told: str
) -> None:
    await ann.page.locator("kefu-chat input[type=file]").set_input_files(
        {"name": name, "mimeType": kind, "buffer": content}
    )
    await expect(ann.page.get_by_role("alert")).to_contain_text(told)
    assert await ann.own_words() == []


async def test_files_are_pasted_too(ann: Visitor) -> None:
    await ann.field.evaluate(
        """(field, text) => { const transfer = new DataTransfer();
        transfer.items.add(new File([text], "note.txt", { type: "text/plain" }));
        const options = { clipboardData: transfer, bubbles: true, cancelable: true };
        field.dispatchEvent(new ClipboardEvent("paste", options)); }""",
        "My order is late.",
    )
    await expect(ann.log.locator(".message.user a.file")).to_contain_text("note.txt")


async def test_a_person_takes_over_and_gives_back(ann: Visitor, bot: BotSite) -> None:
    await ann.ask("I want to talk to a person", "get you a person")
    await expect(ann.notice).to_contain_text("We are getting a person for you.")
    await expect(ann.notice).to_contain_text("You are next.")
    ident = await ann.conversation_id()

    await bot.call("POST", f"/conversations/{ident}/handoff/claim", {"agent": "Maria"})
    await expect(ann.page.locator("kefu-chat .who")).to_have_text("You are talking to Maria.")
    await expect(ann.notice).to_be_empty()
    await expect(ann.log.get_by_text("Maria has joined")).to_be_visible()
    await bot.type(ident, "Maria", on=True)
    await expect(ann.log.locator(".typing")).to_contain_text("Maria is writing")
    await bot.call(
        "POST", f"/conversations/{ident}/handoff/reply", {"agent": "Maria", "text": "Good day, I am *Maria*."}
    )
    await ann.sees("Good day", by="person")
    await ann.say("hello Maria")
    await ann.sees("hello Maria", by="user")
    await bot.type(ident, "Maria", on=True)
    await expect(ann.log.locator(".typing")).to_be_visible()
    await ann.picture("hand-over")
    assert await ann.violations() == []

    await bot.call("POST", f"/conversations/{ident}/handoff/return", {"agent": "Maria"})
    await ann.sees("I'm back.")
    await expect(ann.page.locator("kefu-chat .who")).to_have_text("Automatic assistant")
    await expect(ann.page.locator("kefu-chat .survey")).to_be_visible()


async def test_the_place_in_the_queue_moves_up(visit: Visit, shop: Shop, bot: BotSite) -> None:
    waiting = []
    for place in ("You are next.", "There are 1 before you."):
        one = await visit(shop.origin)
        await one.open()
        await one.ask("I want to talk to a person", "get you a person")
        await expect(one.notice).to_contain_text(place)
        waiting.append(one)
    await bot.call("POST", f"/conversations/{await waiting[0].conversation_id()}/handoff/claim", {"agent": "Maria"})
    await expect(waiting[1].notice).to_contain_text("You are next.")
    await bot.call("POST", f"/conversations/{await waiting[1].conversation_id()}/handoff/claim", {"agent": "Maria"})


async def test_the_launcher_counts_what_was_not_read(ann: Visitor, bot: BotSite) -> None:
    await ann.ask("I want to talk to a person", "get you a person")
    ident = await ann.conversation_id()
    await bot.call("POST", f"/conversations/{ident}/handoff/claim", {"agent": "Maria"})
    await ann.page.keyboard.press("Escape")
    await expect(ann.badge).to_be_hidden()

    for text in ("Good day.", "Are you there?"):
        await bot.call("POST", f"/conversations/{ident}/handoff/reply", {"agent": "Maria", "text": text})
    await expect(ann.badge).to_have_text("2")
    await expect(ann.page.get_by_role("button", name="Open chat, 2 unread messages")).to_be_visible()
    await expect(ann.page.get_by_text("New message from Maria: Are you there?")).to_be_attached()
    await ann.picture("unread")
    await ann.page.reload()
    await expect(ann.badge).to_have_text("2")
    await ann.open()
    await ann.page.keyboard.press("Escape")
    await expect(ann.badge).to_be_hidden()
    await ann.page.reload()
    await expect(ann.launcher).to_be_visible()
    await ann.open()
    await ann.sees("Are you there?", by="person")
    await bot.call("POST", f"/conversations/{ident}/handoff/return", {"agent": "Maria"})


async def test_the_conversation_is_there_after_a_reload(ann: Visitor) -> None:
    await ann.ask("when are you open", "18:00")
    await ann.ask("I want to return something", "return label")
    before, ident = await ann.conversation(), await ann.conversation_id()

    await ann.page.reload()
    await ann.open()

    await ann.sees("return label")
    assert await ann.conversation() == before
    assert await ann.conversation_id() == ident


async def test_without_local_storage_the_chat_works_until_the_page_goes(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await visit(shop.origin, NO_STORAGE)
    await ann.open()
    await ann.ask("when are you open", "18:00")
    await ann.page.reload()
    await ann.open()
    await ann.sees(GREETING)
    assert await ann.own_words() == []
    assert ann.wrong == []


async def test_without_web_sockets_the_chat_works_by_polls(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await visit(shop.origin, NO_SOCKETS)
    await ann.open()
    await ann.sees(GREETING)
    await ann.ask("when are you open", "18:00")
    await ann.ask("I want to talk to a person", "get you a person")
    ident = await ann.conversation_id()
    await bot.call("POST", f"/conversations/{ident}/handoff/claim", {"agent": "Maria"})
    await bot.call("POST", f"/conversations/{ident}/handoff/reply", {"agent": "Maria", "text": "Good day."})
    await ann.sees("Good day.", by="person")
    await expect(ann.page.locator("kefu-chat .who")).to_have_text("You are talking to Maria.")
    assert await bot.said_by_customer(ident) == ["when are you open", "I want to talk to a person"]
    assert any("/frames?after=" in address for address in ann.asked)
    await bot.call("POST", f"/conversations/{ident}/handoff/return", {"agent": "Maria"})


async def test_nothing_is_said_or_kept_before_consent(visit: Visit, shop: Shop, quiet_bot: BotSite) -> None:
    ann = await visit(f"{shop.origin}/?bot={quiet_bot.origin}")
    await ann.launcher.click()
    agree = ann.page.get_by_role("button", name="同意并开始")
    await expect(agree).to_be_visible()
    await expect(ann.page.get_by_role("link", name="https://shop.example/privacy")).to_be_visible()
    await expect(ann.field).to_be_hidden()
    assert await ann.kept() == {}
    await ann.picture("consent")
    assert await ann.violations() == []
    await ann.page.get_by_role("button", name="不了，谢谢").click()
    await expect(ann.panel).to_be_hidden()
    assert await ann.kept() == {}

    await ann.launcher.click()
    await agree.click()
    await expect(ann.field).to_be_enabled()
    await ann.ask("when are you open", "18:00")
    await ann.page.reload()
    await ann.open()
    await ann.sees("18:00")


async def test_a_chinese_bot_speaks_chinese_on_an_english_page_and_says_when_people_are_there(
    visit: Visit, shop: Shop, quiet_bot: BotSite
) -> None:
    ann = await visit(f"{shop.origin}/?bot={quiet_bot.origin}")
    await expect(ann.launcher).to_have_attribute("aria-label", "打开聊天")
    await ann.launcher.click()
    await ann.page.get_by_role("button", name="同意并开始").click()
    await expect(ann.notice).to_contain_text("人工客服现在不在线")
    await expect(ann.notice).to_contain_text(re.compile("人工客服将于.*星期.*上线"))
    await ann.ask("when are you open", "18:00")
    await expect(ann.log.get_by_role("group", name="这个回答有帮助吗？")).to_be_visible()
    await ann.picture("chinese")
    assert await ann.violations() == []


@pytest.mark.parametrize(
    ("page", "says", "expected"),
    [
        ("lang=zh-CN", "", "打开聊天"),
        ("lang=en", "data-locale=zh", "打开聊天"),
        ("lang=zh-CN", "data-locale=en", "Open chat"),
    ],
)
async def test_the_language_is_the_script_tags_or_the_pages(
    visit: Visit, shop: Shop, bot: BotSite, page: str, says: str, expected: str
) -> None:
    ann = await visit(f"{shop.origin}/?{page}&{says}")
    await expect(ann.launcher).to_have_attribute("aria-label", expected)


async def test_colours_are_the_owners_and_the_pages_rules_win(visit: Visit, shop: Shop, quiet_bot: BotSite) -> None:
    ann = await visit(f"{shop.origin}/?bot={quiet_bot.origin}")
    await expect(ann.launcher).to_have_css("background-color", "rgb(11, 110, 79)")
    assert await ann.launcher.evaluate("(node) => getComputedStyle(node).getPropertyValue('--link')") == "#7a1fa2"


async def test_the_script_tag_says_what_the_chat_is_called_and_where_it_is(
    visit: Visit, shop: Shop, bot: BotSite
) -> None:
    ann = await visit(f"{shop.origin}/?data-title=Ask+us&data-position=start&data-open=")
    await expect(ann.panel).to_be_visible()
    await expect(ann.page.get_by_role("dialog", name="Ask us")).to_be_visible()
    box = await ann.panel.bounding_box()
    assert box is not None
    assert box["x"] < 100


async def test_a_page_that_is_not_on_the_list_has_no_chat(visit: Visit, shop: Shop, bot: BotSite) -> None:
    other = Shop()
    other.bot = bot.origin
    await other.start()
    ann = await visit(other.origin)
    await ann.page.wait_for_function("() => customElements.get('kefu-chat')")
    await expect(ann.launcher).to_be_hidden()
    await other.stop()


async def test_nobody_but_the_bot_is_asked_for_anything(ann: Visitor, bot: BotSite, shop: Shop) -> None:
    await ann.ask("Show me the price list of delivery", "SPRING-10")
    assert {address.split("/")[2] for address in ann.asked} == {bot.origin[7:], shop.origin[7:]}
    assert await ann.page.context.cookies() == []


async def test_the_chat_page_is_the_chat_alone(visit: Visit, bot: BotSite) -> None:
    ann = await visit(f"{bot.origin}/chat")
    await ann.sees(GREETING)
    await expect(ann.page.get_by_role("main")).to_be_visible()
    await expect(ann.page.get_by_role("heading", level=1, name="Bowl & Vase")).to_be_visible()
    await expect(ann.page).to_have_title("Bowl & Vase")
    await ann.ask("when are you open", "18:00")
    await ann.picture("chat-page")
    assert await ann.violations() == []
    assert ann.wrong == []


async def test_a_message_that_is_refused_can_be_tried_again_or_deleted(visit: Visit, scripted: ScriptedBot) -> None:
    refused: list[str] = []

    async def refuse_once(bot: ScriptedBot, frame: dict[str, object]) -> None:
        if frame["type"] != "message" or frame["id"] in refused:
            await scripted_default(bot, frame)
            return
        refused.append(str(frame["id"]))
        await bot.tell({"type": "error", "id": frame["id"], "code": "TooLong", "message": "text is too long."})

    scripted_default, scripted.on_frame = scripted.on_frame, refuse_once
    ann = await visit(f"{scripted.origin}/chat")
    await ann.say("one")
    await ann.say("two")
    failed = ann.log.locator(".message.failed")
    await expect(failed).to_have_count(2)
    await expect(failed.first).to_contain_text("text is too long.")
    assert await ann.violations() == []
    await failed.first.get_by_role("button", name="Try again").click()
    await expect(failed).to_have_count(1)
    await failed.get_by_role("button", name="Delete").click()
    await expect(failed).to_have_count(0)
    assert await ann.own_words() == ["one"]
    assert {name for name in await ann.kept() if name.startswith("pending:")} == set()


async def test_a_server_that_is_busy_gets_the_message_later(visit: Visit, scripted: ScriptedBot) -> None:
    async def busy_once(bot: ScriptedBot, frame: dict[str, object]) -> None:
        scripted.on_frame = default
        await bot.tell({"type": "error", "id": frame.get("id"), "code": "TooFast", "message": "", "retry_after_s": 0.3})

    ann = await visit(f"{scripted.origin}/chat")
    await expect(ann.field).to_be_enabled()
    await ann.say("first")
    await ann.sees("first", by="user")
    default, scripted.on_frame = scripted.on_frame, busy_once
    await ann.page.evaluate("1")
    await ann.say("one")
    await ann.say("two")
    await ann.sees("two", by="user")
    await expect(ann.log.locator(".pending")).to_have_count(0)
    assert await ann.own_words() == ["first", "one", "two"]


async def test_a_bot_that_is_down_has_no_launcher(visit: Visit, shop: Shop, bot: BotSite) -> None:
    async def nothing(route: Route) -> None:
        await route.abort()

    ann = await visit("about:blank")
    await ann.page.route("**/webhooks/widget/session", nothing)
    await ann.page.goto(shop.origin)
    await ann.page.wait_for_function("() => customElements.get('kefu-chat')")
    await expect(ann.launcher).to_be_hidden()


async def test_a_chat_that_opens_by_itself_leaves_the_focus_where_it_is(visit: Visit, shop: Shop, bot: BotSite) -> None:
    ann = await visit(f"{shop.origin}/?data-open=")
    await ann.sees(GREETING)
    assert await ann.focused() == ""


async def test_an_element_that_is_moved_goes_on_and_one_that_is_removed_hangs_up(
    visit: Visit, scripted: ScriptedBot
) -> None:
    ann = await visit(f"{scripted.origin}/plain")
    await expect(ann.field).to_be_enabled()
    await ann.say("one")
    await ann.sees("one", by="user")

    await ann.page.evaluate("document.querySelector('main').append(document.querySelector('kefu-chat'))")
    await ann.say("two")
    await ann.sees("two", by="user")
    assert await ann.own_words() == ["one", "two"]

    assert scripted.connections == 1
    await ann.page.evaluate("document.querySelector('kefu-chat').remove()")
    await until(lambda: scripted.connections == 0)


async def test_history_is_told_as_seen_in_one_frame(visit: Visit, scripted: ScriptedBot) -> None:
    for number in range(60):
        await scripted.event(**{"from": "bot", "text": f"old {number}"})
    ann = await visit(f"{scripted.origin}/chat")
    await ann.sees("old 59")
    await until(lambda: bool(scripted.taken))
    assert scripted.taken == [{"type": "seen", "seq": 60}]
