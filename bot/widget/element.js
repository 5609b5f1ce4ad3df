// <kefu-chat>: the chat as an element of its own, which the page around it cannot spoil, nor it the page.
import { Chat } from "./chat.js";
import { Panel } from "./panel.js";
import { STYLES } from "./styles.js";
import { textsFor } from "./texts.js";

const VARIABLE = /^(--)?(kefu-)?[a-z][a-z0-9-]{0,60}$/;

export class KefuChat extends HTMLElement {
  /** Where the bot is: the folder of widget.js. */
  static home;

  #chat = null;
  #theme = new CSSStyleSheet();

  connectedCallback() {
    if (this.#chat) return this.#chat.begin(); // it was only moved
    const root = this.attachShadow({ mode: "open" });
    const styles = new CSSStyleSheet();
    styles.replaceSync(STYLES);
    root.adoptedStyleSheets = [styles, this.#theme];
    this.#start(root, KefuChat.home);
  }

  disconnectedCallback() {
    this.#chat.rest();
  }

  /** Opens the chat, as its button does. */
  open() {
    this.#chat?.toggle(true);
  }

  close() {
    this.#chat?.toggle(false);
  }

  #start(root, server) {
    const { full, open } = this.dataset;
    const draw = (texts, actions) => this.#draw(root, texts, server, actions);
    const on = { settings: (settings) => this.#settle(settings), refused: (error) => this.#refused(error) };
    this.#chat = new Chat(server, (settings) => this.#texts(settings), draw, on);
    this.#chat.begin();
    if (full !== undefined || open !== undefined) this.#chat.toggle(true, full !== undefined);
    performance.mark("kefu-ready");
    this.dispatchEvent(new CustomEvent("kefu-ready", { bubbles: true }));
  }

  /** In the language that the page says, else the owner's, else the customer's. */
  #texts(settings) {
    const ofPage = this.dataset.full === undefined ? document.documentElement.lang : "";
    return textsFor(this.dataset.locale, settings?.locale, ofPage, navigator.language);
  }

  #draw(root, texts, server, actions) {
    const full = this.dataset.full !== undefined;
    const panel = new Panel(texts, { full, server, title: this.dataset.title }, actions);
    panel.root.dir = this.dataset.dir ?? getComputedStyle(this).direction;
    root.replaceChildren(panel.root);
    if (full) document.documentElement.lang = texts.lang;
    return (this.panel = panel);
  }

  #settle(settings) {
    const { title, full } = this.dataset;
    if (settings.title && !title) this.panel.title(settings.title);
    if (full !== undefined) document.title = this.panel.header.heading.textContent;
    for (const [name, value] of Object.entries(settings.theme ?? {})) this.#variable(name, String(value));
    performance.mark("kefu-settled");
  }

  /** A colour or the like of the server's; the page's own style sheet wins over it. */
  #variable(name, value) {
    if (!VARIABLE.test(name) || /[;{}<>\\@]|url\(/i.test(value)) return;
    if (!this.#theme.cssRules.length) this.#theme.insertRule(":host {}");
    this.#theme.cssRules[0].style.setProperty(`--kefu-${name.replace(/^(--)?(kefu-)?/, "")}`, value);
  }

  #refused(error) {
    console.error(`kefu-chat: ${error.message}`);
    this.hidden = true;
  }
}
