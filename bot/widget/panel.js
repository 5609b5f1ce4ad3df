// The frame around the conversation: launcher, header, notices, and what the keyboard does in it.
import { Composer } from "./composer.js";
import { consentForm } from "./consent.js";
import { element, icon, iconButton } from "./dom.js";
import { Log } from "./log.js";
import { shortened, withoutOverrides } from "./plain.js";
import { surveyForm } from "./survey.js";
import { momentText } from "./texts.js";

const PHONE = matchMedia("(max-width: 480px), (max-height: 420px)");
const FINGER = matchMedia("(pointer: coarse)");

export class Panel {
  #texts;
  #on;
  #full;

  /** `on` has toggle(open), say(text), files(list), typing(on), end(), survey(score, comment), consent(agreed) and what Log wants. */
  constructor(texts, { full, server, title }, on) {
    this.#texts = texts;
    this.#on = on;
    this.#full = full;
    this.isOpen = false;
    this.log = new Log(texts, server, { ...on, refocus: () => this.focus() });
    this.composer = new Composer(texts, on);
    this.#parts(title);
    this.composer.takeDropsOn(this.panel);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    visualViewport?.addEventListener("resize", () => this.#fit());
    visualViewport?.addEventListener("scroll", () => this.#fit());
  }

  #parts(title) {
    const texts = this.#texts;
    this.badge = element("span", { className: "badge", hidden: true, attributes: { "aria-hidden": "true" } });
    this.launcher = element("button", { type: "button", className: "launcher", hidden: true, onclick: () => this.#on.toggle(true), attributes: { "aria-label": texts.open, "aria-expanded": "false" } }, icon("chat"), this.badge);
    this.heading = element(this.#full ? "h1" : "h2", { className: "title", id: "title", dir: "auto" }, title || texts.title);
    this.who = element("p", { className: "who", dir: "auto" }, texts.subtitle);
    this.face = element("span", { className: "avatar", attributes: { "aria-hidden": "true" } }, icon("chat"));
    this.end = element("button", { type: "button", className: "plain end", hidden: true, onclick: () => this.#on.end() }, texts.end);
    this.closer = iconButton("close", texts.close, () => this.#on.toggle(false));
    this.closer.hidden = this.#full;
    const header = element("div", { className: "header" }, this.face, element("div", { className: "names" }, this.heading, this.who), this.end, this.closer);
    this.notice = element("div", { className: "notice", attributes: { role: "status" } });
    this.network = element("div", { className: "network", attributes: { role: "status" } });
    this.alert = element("div", { className: "alert", attributes: { role: "alert" } });
    this.gate = element("div", { className: "gate", hidden: true });
    this.panel = element(this.#full ? "main" : "div", { className: "panel", hidden: !this.#full, attributes: { "aria-labelledby": "title", role: this.#full ? undefined : "dialog" } });
    this.panel.append(header, this.notice, this.log.node, this.gate, this.network, this.alert, this.composer.node);
    this.teller = element("div", { className: "unseen", attributes: { role: "status" } });
    const around = this.#full ? {} : { role: "region", "aria-label": title || texts.title };
    this.root = element("div", { className: `root${this.#full ? " full" : ""}`, lang: texts.lang, attributes: around }, this.panel, this.launcher, this.teller);
  }

  /** Shows the launcher, which is not there before the bot has answered. */
  offer() {
    this.launcher.hidden = this.#full || this.isOpen;
  }

  open() {
    this.isOpen = true;
    this.panel.hidden = false;
    this.launcher.hidden = true;
    this.launcher.setAttribute("aria-expanded", "true");
    this.alone(PHONE.matches);
    this.#fit();
    this.log.toEnd();
    this.focus();
  }

  close() {
    this.isOpen = false;
    this.panel.hidden = true;
    this.launcher.hidden = false;
    this.launcher.setAttribute("aria-expanded", "false");
    this.alone(false);
    this.launcher.focus();
  }

  /** Where the customer goes on; on phones the keyboard is not brought up unasked. */
  focus() {
    if (!this.gate.hidden) this.gate.querySelector("button")?.focus();
    else if (FINGER.matches || this.composer.field.disabled) this.log.list.focus({ preventScroll: true });
    else this.composer.field.focus({ preventScroll: true });
  }

  /** Covers the page, which then must not move beneath. */
  alone(on) {
    if (this.#full) return;
    if (on) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
    document.documentElement.style.overflow = on ? "hidden" : "";
  }

  title(text) {
    this.heading.textContent = shortened(text, 60);
    if (!this.#full) this.root.setAttribute("aria-label", this.heading.textContent);
  }

  /** Who answers now, how long it may take, and whether anybody is there. */
  state(state) {
    const texts = this.#texts;
    const name = shortened(state.name ?? "", 60) || texts.person;
    const isHuman = state.who === "human";
    this.who.textContent = isHuman ? texts.human(name) : texts.subtitle;
    this.face.replaceChildren(isHuman ? [...name][0].toUpperCase() : icon("chat"));
    this.face.classList.toggle("human", isHuman);
    const said = [];
    if (state.who === "waiting") said.push(texts.waiting, ...(state.place > 0 ? [texts.place(state.place)] : []));
    else if (!isHuman && state.open === false && this.saysHours) said.push(texts.closed, ...(state.opens ? [texts.opens(this.#when(state.opens))] : []));
    const gap = texts.lang === "en" ? " " : "";
    if (this.notice.textContent !== said.join(gap)) this.notice.textContent = said.join(gap);
    this.notice.classList.toggle("waiting", state.who === "waiting");
  }

  saysHours = true;

  #when(opens) {
    const at = /^\d{4}-\d\d-\d\dT/.test(opens) ? new Date(opens) : null;
    if (!at || Number.isNaN(at.getTime())) return withoutOverrides(opens);
    return momentText(at, this.#texts.lang);
  }

  /** "" where all is well. */
  connection(text) {
    if (this.network.textContent !== text) this.network.textContent = text;
  }

  warn(text) {
    this.alert.textContent = text;
    clearTimeout(this.warned);
    this.warned = setTimeout(() => (this.alert.textContent = ""), 8_000);
  }

  unread(count) {
    this.badge.hidden = count === 0;
    this.badge.textContent = count > 99 ? "99+" : String(count);
    this.launcher.setAttribute("aria-label", count ? this.#texts.openUnread(count) : this.#texts.open);
  }

  /** Told to screen readers while the chat is closed. */
  tell(event) {
    const words = event.text || event.image?.alt || this.#texts.picture;
    this.teller.textContent = this.#texts.newMessage(this.log.nameOf(event), shortened(words, 160));
  }

  ask(consent) {
    this.gate.hidden = !consent;
    this.log.node.hidden = this.composer.node.hidden = Boolean(consent);
    if (consent) this.gate.replaceChildren(consentForm(this.#texts, consent, (agreed) => this.#on.consent(agreed)));
    if (this.isOpen) this.focus();
  }

  survey(focus) {
    if (this.form?.isConnected) return;
    this.form = surveyForm(this.#texts, (score, comment) => this.#on.survey(score, comment), () => this.focus());
    this.log.after.append(this.form);
    this.log.toEnd();
    if (focus) this.form.querySelector("input").focus();
  }

  #key(event) {
    if (event.key === "Escape" && this.isOpen && !this.#full) {
      event.stopPropagation();
      this.#on.toggle(false);
    }
    if (event.key === "Tab" && this.panel.ariaModal === "true") this.#stayInside(event);
  }

  #stayInside(event) {
    const all = [...this.panel.querySelectorAll("button, textarea, input, a[href], [tabindex='0']")];
    const stops = all.filter((node) => !node.disabled && node.checkVisibility());
    const active = this.panel.getRootNode().activeElement;
    const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
    if (active !== from) return;
    event.preventDefault();
    to.focus();
  }

  /** Keeps the field above a phone's keyboard, which covers the page without making it smaller. */
  #fit() {
    const { height, offsetTop } = visualViewport ?? { height: innerHeight, offsetTop: 0 };
    this.root.style.setProperty("--viewport-height", `${Math.round(height)}px`);
    this.root.style.setProperty("--viewport-top", `${Math.round(offsetTop)}px`);
    if (this.isOpen && !this.#full) this.alone(PHONE.matches);
  }
}
