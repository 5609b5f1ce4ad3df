// The frame around the conversation: what is shown when, where the focus is, and how it fits on a screen.
import { Composer } from "./composer.js";
import { consentForm } from "./consent.js";
import { element } from "./dom.js";
import { Header } from "./header.js";
import { Launcher } from "./launcher.js";
import { Log } from "./log.js";
import { shortened } from "./plain.js";
import { surveyForm } from "./survey.js";

const PHONE = matchMedia("(max-width: 480px), (max-height: 420px)");
const FINGER = matchMedia("(pointer: coarse)");

export class Panel {
  #texts;
  #on;
  #full;
  #isAlone = false;
  #overflow = "";

  /**
   * `given` has full, server and title; `on` has toggle(open), say(text), files(list), typing(on), end(),
   * survey(score, comment), consent(agreed), and what Log wants.
   */
  constructor(texts, given, on) {
    this.#texts = texts;
    this.#on = on;
    this.#full = given.full;
    this.isOpen = false;
    this.log = new Log(texts, given.server, { ...on, refocus: () => this.focus() });
    this.composer = new Composer(texts, on);
    this.#parts(given);
    this.composer.takeDropsOn(this.panel);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    visualViewport?.addEventListener("resize", () => this.#fit());
    visualViewport?.addEventListener("scroll", () => this.#fit());
  }

  #parts(given) {
    const { full, title } = given;
    this.launcher = new Launcher(this.#texts, () => this.#on.toggle(true));
    this.header = new Header(this.#texts, given, this.#on);
    this.network = element("div", { className: "network", attributes: { role: "status" } });
    this.alert = element("div", { className: "alert", attributes: { role: "alert" } });
    this.gate = element("div", { className: "gate", hidden: true });
    const attributes = { "aria-labelledby": "title", role: full ? undefined : "dialog" };
    this.panel = element(full ? "main" : "div", { className: "panel", hidden: !full, attributes });
    this.panel.append(this.header.node, this.header.notice, this.log.node, this.gate);
    this.panel.append(this.network, this.alert, this.composer.node);
    this.teller = element("div", { className: "unseen", attributes: { role: "status" } });
    const around = full ? {} : { role: "region", "aria-label": title || this.#texts.title };
    this.root = element("div", { className: "root", lang: this.#texts.lang, attributes: around });
    this.root.classList.toggle("full", full);
    this.root.append(this.panel, this.launcher.node, this.teller);
  }

  /** Shows the launcher, which is not there before the bot has answered. */
  offer() {
    this.launcher.show(!this.#full && !this.isOpen);
  }

  open(focus) {
    this.isOpen = true;
    this.mayFocus = focus;
    this.panel.hidden = false;
    this.offer();
    this.alone(PHONE.matches);
    this.#fit();
    this.log.toEnd();
    this.focus();
  }

  close() {
    this.isOpen = false;
    this.panel.hidden = true;
    this.offer();
    this.alone(false);
    this.launcher.node.focus();
  }

  /** Where the customer goes on; on phones the keyboard is not brought up unasked. */
  focus() {
    if (!this.mayFocus) return;
    if (!this.gate.hidden) this.gate.querySelector("button")?.focus();
    else if (FINGER.matches || this.composer.field.disabled) this.log.list.focus({ preventScroll: true });
    else this.composer.field.focus({ preventScroll: true });
  }

  /** Covers the page, which then must not move beneath. */
  alone(on) {
    if (this.#full || on === this.#isAlone) return;
    this.#isAlone = on;
    const { style } = document.documentElement;
    if (on) this.#overflow = style.overflow;
    style.overflow = on ? "hidden" : this.#overflow;
    if (on) this.panel.setAttribute("aria-modal", "true");
    else this.panel.removeAttribute("aria-modal");
  }

  title(text) {
    this.header.title(text);
    if (!this.#full) this.root.setAttribute("aria-label", this.header.heading.textContent);
  }

  /** Whether the chat can be ended. */
  mayEnd(on) {
    this.header.end.hidden = !on;
  }

  /** "" where all is well. */
  connection(text) {
    if (this.network.textContent !== text) this.network.textContent = text;
  }

  warn(text) {
    this.alert.textContent = text;
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
    this.form = surveyForm(
      this.#texts,
      (score, comment) => this.#on.survey(score, comment),
      () => this.focus(),
    );
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
