// The conversation: messages in the order of the server's numbers, then those that are still on their way.
import { element, icon, iconButton } from "./dom.js";
import { MessageMaker, momentOf } from "./message.js";
import { Pendings } from "./pendings.js";
import { ratingFor } from "./rating.js";
import { dayText } from "./texts.js";

const SAME_BREATH_S = 300;
const NEAR_END_PX = 80;

export class Log {
  #texts;
  #on;
  #maker;
  #ratings = new Map();
  #typing = null;
  #wasNearEnd = true;

  /** `on` has choose(payload, title), rate(turn, verdict, comment), retry(id), discard(id). */
  constructor(texts, server, on) {
    this.#texts = texts;
    this.#on = on;
    this.#maker = new MessageMaker(texts, server, (payload, title) => on.choose(payload, title));
    this.list = element("div", {
      className: "list",
      tabIndex: 0,
      attributes: { role: "log", "aria-live": "polite", "aria-busy": "false", "aria-label": texts.log },
    });
    this.welcome = element(
      "div",
      { className: "welcome" },
      icon("chat"),
      element("p", {}, element("strong", {}, texts.welcome)),
      element("p", {}, texts.welcomeMore),
    );
    this.pendings = new Pendings(texts, this.#maker, on);
    this.after = element("div", { className: "after" });
    this.jump = iconButton("below", texts.newest, () => this.toEnd(), "jump");
    this.jump.hidden = true;
    this.list.append(this.welcome, this.pendings.node, this.after);
    this.node = element("div", { className: "log" }, this.list, this.jump);
    this.list.addEventListener("scroll", () => (this.jump.hidden = this.#wasNearEnd = this.#isNearEnd()), {
      passive: true,
    });
    this.list.addEventListener("load", () => this.#wasNearEnd && this.toEnd(), true); // a picture has got its size
    new ResizeObserver(() => this.#wasNearEnd && this.toEnd()).observe(this.list);
  }

  nameOf(event) {
    return this.#maker.nameOf(event);
  }

  /** While history comes, screen readers are not told of every line. */
  busy(on) {
    this.list.setAttribute("aria-busy", String(on));
  }

  clear() {
    for (const node of this.list.querySelectorAll(":scope > .message, :scope > .note, :scope > .day")) node.remove();
    this.pendings.clear();
    this.welcome.hidden = false;
  }

  /** An event of the server's. */
  event(event) {
    const near = this.#isNearEnd();
    this.welcome.hidden = true;
    const node = event.from === "note" ? this.#maker.note(event) : this.#maker.message(event);
    if (event.from === "user") {
      this.pendings.remove(event.id);
      this.#endChoices();
    }
    if (!node) return;
    this.#place(node, event);
    if (event.rate && event.turn) this.#rating(node, event);
    if (near) this.#show(node);
    else this.jump.hidden = false;
  }

  /** A message that is on its way. */
  pending(entry) {
    this.welcome.hidden = true;
    this.#endChoices();
    this.pendings.add(entry);
    this.toEnd();
  }

  /** Somebody writes, or has stopped to. */
  typing(name) {
    this.#typing?.remove();
    this.#typing = null;
    if (!name) return;
    const near = this.#isNearEnd();
    this.#typing = this.#maker.typing(name);
    this.after.prepend(this.#typing);
    if (near) this.toEnd();
  }

  /** What was thought of an answer, here or in another tab. */
  verdict(turn, verdict) {
    this.#ratings.get(turn)?.show(verdict);
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
    this.#wasNearEnd = true;
    this.jump.hidden = true;
  }

  #place(node, event) {
    const previous = this.pendings.node.previousElementSibling;
    const at = momentOf(event) / 1_000;
    const isNewDay = new Date(at * 1_000).toDateString() !== new Date((previous?.at ?? 0) * 1_000).toDateString();
    if (isNewDay) this.#newDay(at);
    const goesOn = !isNewDay && previous?.says === event.from + (event.name ?? "") && at - previous.at < SAME_BREATH_S;
    node.classList.toggle("first", !goesOn);
    Object.assign(node, { at, says: event.from + (event.name ?? "") });
    this.pendings.node.before(node);
  }

  #newDay(at) {
    const isToday = new Date(at * 1_000).toDateString() === new Date().toDateString();
    if (!isToday)
      this.pendings.node.before(
        Object.assign(element("p", { className: "day" }, dayText(at * 1_000, this.#texts.lang)), { at }),
      );
  }

  #rating(node, event) {
    this.#ratings.get(event.turn)?.remove(); // a turn is rated once, at its end
    const rating = ratingFor(this.#texts, event.verdict, (verdict, comment) =>
      this.#on.rate(event.turn, verdict, comment),
    );
    this.#ratings.set(event.turn, rating);
    node.append(rating);
  }

  #endChoices() {
    const had = this.list.contains(this.list.getRootNode().activeElement?.closest?.(".choices"));
    for (const choices of this.list.querySelectorAll(".choices")) choices.remove();
    if (had) this.#on.refocus();
  }

  #show(node) {
    this.toEnd();
    if (node.offsetHeight > this.list.clientHeight) this.list.scrollTop = node.offsetTop - 12; // from its beginning
  }

  #isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }
}
