// The customer's own messages from when they are written until the server shows them as events.
import { element } from "./dom.js";

export class Pendings {
  #texts;
  #maker;
  #on;
  #nodes = new Map();

  /** `on` has retry(id) and discard(id). */
  constructor(texts, maker, on) {
    this.#texts = texts;
    this.#maker = maker;
    this.#on = on;
    // Screen readers are told of a message once, as an event.
    this.node = element("div", { className: "pendings", attributes: { "aria-live": "off" } });
  }

  /** A message that is on its way; `entry.label` is its file's. */
  add(entry) {
    const { id, title, text } = entry.frame;
    const node = this.#maker.message({ from: "user", text: title ?? text ?? "", at: entry.at / 1_000 });
    if (entry.label) node.append(this.#file(entry.label));
    node.classList.add("pending", "first");
    node.append(element("div", { className: "delivery" }));
    this.remove(id);
    this.#nodes.set(id, node);
    this.node.append(node);
    this.delivery(entry, true);
  }

  /** What has become of a message so far. */
  delivery(entry, online) {
    const node = this.#nodes.get(entry.frame.id);
    if (!node) return;
    node.classList.toggle("failed", entry.failed);
    const place = node.querySelector(".delivery");
    if (entry.failed) place.replaceChildren(entry.reason || this.#texts.notSent, ...this.#ways(entry.frame.id));
    else place.replaceChildren(online ? this.#texts.sending : this.#texts.waitsForNetwork);
  }

  /** It has arrived; its event may still come. */
  delivered(id) {
    const node = this.#nodes.get(id);
    node?.classList.remove("pending");
    node?.querySelector(".delivery").replaceChildren();
  }

  /** It is shown as an event, or not wanted any more. */
  remove(id) {
    this.#nodes.get(id)?.remove();
    this.#nodes.delete(id);
  }

  clear() {
    this.#nodes.clear();
    this.node.replaceChildren();
  }

  #file({ name, bytes }) {
    return element("div", { className: "bubble file" }, this.#maker.fileLabel(name, bytes));
  }

  #ways(id) {
    const way = (text, onclick) => element("button", { type: "button", className: "link", onclick }, text);
    const { retry, discard } = this.#texts;
    return [" ", way(retry, () => this.#on.retry(id)), " ", way(discard, () => this.#on.discard(id))];
  }
}
