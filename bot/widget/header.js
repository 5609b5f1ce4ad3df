// Whom the customer talks to, and below it what she should know of that: her place in the queue, when people are there.
import { element, icon, iconButton } from "./dom.js";
import { shortened, withoutOverrides } from "./plain.js";
import { momentText } from "./texts.js";

const MAX_NAME_CHARS = 60;
const MOMENT = /^\d{4}-\d\d-\d\dT/;

export class Header {
  #texts;
  #who;
  #face;

  /** `on` has end() and toggle(open). */
  constructor(texts, { full, title }, on) {
    this.#texts = texts;
    const named = { className: "title", id: "title", dir: "auto" };
    this.heading = element(full ? "h1" : "h2", named, title || texts.title);
    this.#who = element("p", { className: "who", dir: "auto" }, texts.subtitle);
    this.#face = element("span", { className: "avatar", attributes: { "aria-hidden": "true" } }, icon("chat"));
    const ends = { type: "button", className: "plain end", hidden: true, onclick: () => on.end() };
    this.end = element("button", ends, texts.end);
    const closer = iconButton("close", texts.close, () => on.toggle(false));
    closer.hidden = full;
    const names = element("div", { className: "names" }, this.heading, this.#who);
    this.node = element("div", { className: "header" }, this.#face, names, this.end, closer);
    this.notice = element("div", { className: "notice", attributes: { role: "status" } });
  }

  title(text) {
    this.heading.textContent = shortened(text, MAX_NAME_CHARS);
  }

  /** Who answers now, how long it may take, and whether anybody is there. */
  state(state) {
    const name = shortened(state.name ?? "", MAX_NAME_CHARS) || this.#texts.person;
    const isHuman = state.who === "human";
    this.#who.textContent = isHuman ? this.#texts.human(name) : this.#texts.subtitle;
    this.#face.replaceChildren(isHuman ? [...name][0].toUpperCase() : icon("chat"));
    this.#face.classList.toggle("human", isHuman);
    this.notice.classList.toggle("waiting", state.who === "waiting");
    const said = this.#said(state).join(this.#texts.lang === "en" ? " " : "");
    if (this.notice.textContent !== said) this.notice.textContent = said;
  }

  #said({ who, place, open, opens }) {
    const texts = this.#texts;
    if (who === "waiting") return place > 0 ? [texts.waiting, texts.place(place)] : [texts.waiting];
    if (who === "human" || open !== false) return [];
    return opens ? [texts.closed, texts.opens(this.#when(opens))] : [texts.closed];
  }

  #when(opens) {
    const at = MOMENT.test(opens) ? new Date(opens) : null;
    return at && !Number.isNaN(at.getTime()) ? momentText(at, this.#texts.lang) : withoutOverrides(opens);
  }
}
