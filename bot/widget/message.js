// One message as it is shown. Texts are put in as text; HTML only by way of safe_html.js.
import { element, icon } from "./dom.js";
import { plainAddress, shortened, withoutOverrides } from "./plain.js";
import { leadAway, loadLate, safeFragment } from "./safe_html.js";
import { sizeText, timeText } from "./texts.js";

const MAX_CHOICES = 12;
const MAX_TITLE_CHARS = 80;
const MAX_NAME_CHARS = 60;
const MAX_CARDS = 12;
const MAX_OF_CARD = 3;
const MAX_MOMENT_S = 8.64e12;

/** When an event happened, in milliseconds; now where that is not said. */
export function momentOf({ at }) {
  return Number.isFinite(at) && Math.abs(at) < MAX_MOMENT_S ? at * 1_000 : Date.now();
}

export class MessageMaker {
  /** `choose` is called with the payload and the title of a button that is pressed. */
  constructor(texts, server, choose) {
    this.texts = texts;
    this.server = server;
    this.choose = choose;
  }

  /** Who said it, by the name that is shown. */
  nameOf(event) {
    if (event.from === "user") return this.texts.you;
    if (event.from === "person") return shortened(event.name ?? "", MAX_NAME_CHARS) || this.texts.person;
    return this.texts.bot;
  }

  /** A message with everything that belongs to it; null where nothing of it can be shown. */
  message(event) {
    const node = element("div", {
      className: `message ${event.from === "user" ? "user" : event.from === "person" ? "person" : "bot"}`,
    });
    const name = this.nameOf(event);
    const at = new Date(momentOf(event));
    const meta = element("div", { className: "meta", attributes: { "aria-hidden": "true" } });
    meta.append(
      element("bdi", {}, event.from === "user" ? "" : name),
      element("time", { dateTime: at.toISOString(), dir: "auto" }, timeText(at, this.texts.lang)),
    );
    node.append(meta, element("span", { className: "unseen" }, this.texts.says(name)));
    const parts = [
      this.#words(event),
      this.#image(event.image),
      this.#file(event.file),
      this.#cards(event.cards),
      this.#choices(event.buttons),
    ];
    const shown = parts.filter((part) => part !== null);
    node.append(...shown);
    return shown.length || event.from === "user" ? node : null;
  }

  /** What happened in between: somebody came, or went. */
  note(event) {
    const say = Object.hasOwn(this.texts.notes, event.note ?? "") ? this.texts.notes[event.note] : null;
    const text = say
      ? say(shortened(event.name ?? "", MAX_NAME_CHARS) || this.texts.person)
      : withoutOverrides(event.text ?? "");
    return text ? element("p", { className: "note" }, element("span", { dir: "auto" }, text)) : null;
  }

  /** Buttons, which are gone once the customer has said something. */
  #choices(buttons, most = MAX_CHOICES) {
    if (!Array.isArray(buttons)) return null;
    const row = element("div", {
      className: "choices",
      attributes: { role: "group", "aria-label": this.texts.choices },
    });
    for (const { title, payload } of buttons.filter(Boolean).slice(0, most)) {
      const shown = shortened(title ?? "", MAX_TITLE_CHARS);
      if (!shown || typeof payload !== "string") continue;
      row.append(
        element(
          "button",
          { type: "button", className: "choice", dir: "auto", onclick: () => this.choose(payload, shown) },
          shown,
        ),
      );
    }
    return row.childNodes.length ? row : null;
  }

  /** Three dots, for as long as somebody writes. */
  typing(name) {
    const dots = element("span", { className: "dots", attributes: { "aria-hidden": "true" } });
    dots.append(...[1, 2, 3].map(() => element("i")));
    const words = element("span", { className: "unseen" }, this.texts.typing(name));
    return element("div", { className: "message bot typing" }, element("div", { className: "bubble" }, dots, words));
  }

  #words(event) {
    const fragment = event.html ? safeFragment(event.html, this.server) : null;
    if (fragment?.childNodes.length) {
      const words = element("div", { className: "bubble rich", dir: "auto" }, fragment);
      for (const link of words.querySelectorAll("a[target]"))
        link.append(element("span", { className: "unseen" }, ` (${this.texts.opensInTab})`));
      return words;
    }
    const text = withoutOverrides(event.text ?? "");
    return text.trim() ? element("div", { className: "bubble", dir: "auto" }, text) : null;
  }

  #image(image) {
    const address = plainAddress(image?.src, this.server);
    if (!image || !address) return null;
    return this.#linked(address, this.#picture(address, withoutOverrides(image.alt || this.texts.picture)), "picture");
  }

  #file(file) {
    const address = plainAddress(file?.url, this.server);
    if (!file || !address) return null;
    const name = shortened(file.name ?? "", MAX_NAME_CHARS) || this.texts.file("");
    if (/^image\/(png|jpeg|gif|webp)$/.test(file.mime ?? ""))
      return this.#linked(address, this.#picture(address, name), "picture");
    return this.#linked(address, this.fileLabel(name, file.bytes), "bubble file");
  }

  /** The name and the size of a file. */
  fileLabel(name, bytes) {
    const size = sizeText(bytes, this.texts.lang);
    return element(
      "span",
      { className: "filelabel" },
      icon("file"),
      element("bdi", { className: "filename" }, name),
      size ? element("small", {}, size) : null,
    );
  }

  #picture(address, alt) {
    const image = element("img", { alt });
    loadLate(image);
    image.src = address;
    return image;
  }

  #linked(address, content, className) {
    const link = element(
      "a",
      { className, href: address },
      content,
      element("span", { className: "unseen" }, ` (${this.texts.opensInTab})`),
    );
    leadAway(link);
    return link;
  }

  #cards(cards) {
    if (!Array.isArray(cards) || !cards.length) return null;
    const row = element("div", {
      className: "cards",
      tabIndex: 0,
      attributes: { role: "group", "aria-label": this.texts.cards },
    });
    for (const card of cards.filter(Boolean).slice(0, MAX_CARDS)) {
      const address = card.image ? plainAddress(card.image, this.server) : null;
      const node = element("div", { className: "card" }, address ? this.#picture(address, "") : null);
      node.append(element("strong", { dir: "auto" }, shortened(card.title ?? "", MAX_TITLE_CHARS)));
      if (card.subtitle) node.append(element("span", { dir: "auto" }, shortened(card.subtitle, 200)));
      for (const { title, url } of Array.isArray(card.links) ? card.links.filter(Boolean).slice(0, MAX_OF_CARD) : []) {
        const lead = plainAddress(url, this.server);
        if (lead) node.append(this.#linked(lead, shortened(title ?? url, MAX_TITLE_CHARS), "lead"));
      }
      const choices = this.#choices(card.buttons, MAX_OF_CARD);
      if (choices) node.append(choices);
      row.append(node);
    }
    return row;
  }
}
