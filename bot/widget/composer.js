// Where the customer writes: Enter sends, Shift and Enter begins a new line; files come by button, paste or drop.
import { element, iconButton } from "./dom.js";

const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 5_000;

export class Composer {
  #on;
  #uploads = null;
  #typingSince = 0;
  #timer;

  /** `on` has say(text), files(list), typing(on). */
  constructor(texts, on) {
    this.#on = on;
    this.field = element("textarea", {
      rows: 1,
      placeholder: texts.placeholder,
      dir: "auto",
      enterKeyHint: "send",
      attributes: { "aria-label": texts.field },
    });
    this.picker = element("input", { type: "file", hidden: true, onchange: () => this.#pick() });
    this.attach = iconButton("clip", texts.attach, () => this.picker.click());
    this.attach.hidden = true;
    this.button = element("button", {
      type: "submit",
      className: "send",
      title: texts.send,
      attributes: { "aria-label": texts.send },
    });
    this.button.append(...iconButton("send", "", null).childNodes);
    this.node = element("form", { className: "composer" }, this.attach, this.picker, this.field, this.button);
    this.node.addEventListener("submit", (event) => (event.preventDefault(), this.#say()));
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.field.addEventListener("input", () => this.#written());
    this.field.addEventListener("paste", (event) => this.#dropped(event, event.clipboardData));
    this.enable(false);
    this.#fit();
  }

  /** Takes files where the server does, and texts up to the server's length. */
  set(uploads, maxChars) {
    this.#uploads = uploads;
    this.attach.hidden = !uploads;
    this.picker.accept = (uploads?.types ?? []).join(",");
    if (maxChars) this.field.maxLength = maxChars;
  }

  enable(on) {
    this.field.disabled = this.attach.disabled = !on;
    this.#fit();
  }

  takeDropsOn(node) {
    node.addEventListener("dragover", (event) => this.#uploads && event.preventDefault());
    node.addEventListener("drop", (event) => this.#dropped(event, event.dataTransfer));
  }

  #say() {
    const text = this.field.value.trim();
    if (!text || this.field.disabled) return;
    this.field.value = "";
    this.#fit();
    this.#typing(false);
    this.#on.say(text);
  }

  #pick() {
    this.#on.files([...this.picker.files]);
    this.picker.value = "";
    this.field.focus();
  }

  #dropped(event, transfer) {
    const files = [...(transfer?.files ?? [])];
    if (!files.length || !this.#uploads || this.field.disabled) return;
    event.preventDefault();
    this.#on.files(files);
  }

  #key(event) {
    const isInputMethods = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || isInputMethods) return;
    event.preventDefault();
    this.#say();
  }

  #written() {
    this.#fit();
    this.#typing(this.field.value.trim() !== "");
  }

  #fit() {
    this.button.disabled = this.field.disabled || !this.field.value.trim();
    this.field.style.height = "auto";
    if (this.field.scrollHeight) this.field.style.height = `${Math.min(this.field.scrollHeight, 132)}px`;
  }

  #typing(on) {
    clearTimeout(this.#timer);
    const now = Date.now();
    if (on) this.#timer = setTimeout(() => this.#typing(false), TYPING_ENDS_MS);
    if (on ? now - this.#typingSince < TYPING_EVERY_MS : !this.#typingSince) return;
    this.#typingSince = on ? now : 0;
    this.#on.typing(on);
  }
}
