// The button that opens the chat, with the number of messages that were not read.
import { element, icon } from "./dom.js";

export class Launcher {
  #texts;
  #badge;

  constructor(texts, press) {
    this.#texts = texts;
    this.#badge = element("span", { className: "badge", hidden: true, attributes: { "aria-hidden": "true" } });
    const attributes = { "aria-label": texts.open, "aria-expanded": "false", "aria-haspopup": "dialog" };
    const properties = { type: "button", className: "launcher", hidden: true, onclick: press, attributes };
    this.node = element("button", properties, icon("chat"), this.#badge);
  }

  /** Is there while the chat is closed. */
  show(on) {
    this.node.hidden = !on;
    this.node.setAttribute("aria-expanded", String(!on));
  }

  unread(count) {
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > 99 ? "99+" : String(count);
    this.node.setAttribute("aria-label", count ? this.#texts.openUnread(count) : this.#texts.open);
  }
}
