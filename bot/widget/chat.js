// What goes on between the customer, the browser and the server. It draws nothing; panel.js does.
import { Connection } from "./connection.js";
import { Outbox } from "./outbox.js";
import { Session } from "./session.js";
import { Storage } from "./storage.js";
import { Unread } from "./unread.js";
import { Uploads } from "./uploads.js";

const OFFLINE_SHOWN_AFTER_MS = 1_500;
const HISTORY_QUIET_MS = 300;

export class Chat {
  #texts;
  #panel;
  #seq = 0;
  #begun = null;
  #historyTo = null;
  #quiet;
  #settings = null;
  #state = {};
  #talked = false;
  #slow;
  #draw;

  /**
   * `textsOf(settings)` gives the texts, `draw(texts, actions)` a panel that calls the actions; `on` has
   * settings(settings) and refused(error).
   */
  constructor(server, textsOf, draw, on) {
    this.#texts = textsOf();
    this.#draw = (texts) => draw((this.#texts = texts), this.#actions());
    this.storage = new Storage(server);
    this.session = new Session(server, this.storage, this.#texts.lang);
    this.#panel = this.#draw(this.#texts);
    this.outbox = this.#makeOutbox();
    this.unread = this.#makeUnread();
    this.uploads = this.#makeUploads();
    this.connection = new Connection(this.session, {
      settings: (settings) => {
        this.#speak(textsOf(settings));
        on.settings(settings);
        this.#settle(settings);
      },
      refused: on.refused,
      status: (status) => this.#connected(status === "online"),
      place: () => ({ after: this.#seq, ...(this.#begun !== null && { begun: this.#begun }) }),
      frame: (frame) => this.#take(frame),
    });
    this.storage.watch((key) => this.#changedElsewhere(key));
    this.#showPending();
  }

  #makeOutbox() {
    return new Outbox(this.storage, {
      send: (frame) => this.connection.send(frame),
      stuck: () => this.connection.abandon(),
      changed: (entry) => this.#panel.log.pendings.delivery(entry, this.connection.online),
    });
  }

  #makeUnread() {
    return new Unread(this.storage, {
      isLooking: () => this.#panel.isOpen,
      count: (count) => this.#panel.launcher.unread(count),
      seen: (seq) => this.connection.send({ type: "seen", seq }),
    });
  }

  #makeUploads() {
    return new Uploads(this.session, {
      begun: (entry, text) => (this.#panel.log.pending(entry), this.#panel.connection(text)),
      ended: (entry) => (
        this.#panel.log.pendings.remove(entry.frame.id),
        this.#panel.connection(this.connection.online ? "" : this.#texts.offline)
      ),
      done: (file, label) => this.#panel.log.pending(this.outbox.add({ type: "message", file }, { label })),
      warn: (text) => this.#panel.warn(text),
    });
  }

  /** While the element is on no page. */
  rest() {
    this.connection.rest();
  }

  begin() {
    if (!this.storage.kept) return this.connection.start();
    this.#panel.offer();
    this.connection.want();
  }

  /** `focus` is false where nobody asked for it: then what the customer does on the page goes on. */
  toggle(open, focus = true) {
    if (open === this.#panel.isOpen) return;
    if (!open) return this.#panel.close();
    this.#panel.open(focus);
    this.#mayTalk();
    this.unread.look();
  }

  #actions() {
    const put = (frame) => this.outbox.add(frame);
    return {
      toggle: (open) => this.toggle(open),
      say: (text) => this.#say({ type: "message", text }),
      choose: (payload, title) => this.#say({ type: "message", text: payload, title }),
      files: (files) => files.forEach((file) => this.uploads.take(file, this.#settings.uploads, this.#texts)),
      typing: (on) => this.connection.send({ type: "typing", on }),
      rate: (turn, verdict, comment) => put({ type: "feedback", turn, verdict, ...(comment && { comment }) }),
      survey: (score, comment) => put({ type: "survey", score, ...(comment && { comment }) }),
      end: () => (put({ type: "end" }), this.#endsWith(true)),
      consent: (agreed) => (agreed ? this.#agree() : this.toggle(false)),
      retry: (id) => this.outbox.retry(id),
      discard: (id) => (this.outbox.done(id), this.#panel.log.pendings.remove(id)),
    };
  }

  /** Draws everything anew where the server's settings want other texts; nothing has been said yet then. */
  #speak(texts) {
    if (texts === this.#texts || this.#seq) return;
    const { isOpen, mayFocus } = this.#panel;
    this.#panel = this.#draw(texts);
    this.#showPending();
    if (isOpen) this.#panel.open(mayFocus);
  }

  #settle(settings) {
    const isAnother = this.storage.get("session") !== this.session.id;
    if (isAnother && this.#seq) this.#forget();
    if (isAnother) this.unread.reset();
    this.storage.set("session", this.session.id);
    this.#settings = settings;
    this.#panel.offer();
    this.#panel.composer.set(settings.uploads, settings.max_text_chars);
    if (this.#panel.isOpen || this.storage.kept) this.#mayTalk();
  }

  /** Opens the way to the server once the chat is wanted, and agreed to where that is asked. */
  #mayTalk() {
    if (!this.#settings) return;
    const { consent } = this.#settings;
    const agreed = !consent || this.storage.get("consent") === consent;
    this.#panel.ask(agreed ? null : consent);
    if (!agreed) return;
    this.#keep();
    this.#panel.composer.enable(true);
    if (this.#panel.isOpen) this.#panel.focus();
    this.connection.want();
  }

  #keep() {
    if (this.storage.kept) return;
    const mine = this.session.token;
    this.storage.keep();
    if (this.storage.get("token") !== mine) this.connection.renew(); // another tab was first
  }

  #agree() {
    this.storage.set("consent", this.#settings.consent);
    this.#mayTalk();
  }

  #say(frame) {
    this.#panel.warn("");
    this.#talked = true;
    this.#panel.log.pending(this.outbox.add(frame));
    this.#panel.mayEnd(this.#settings?.survey);
    if (!this.connection.online) this.#offline();
  }

  /** A frame that cannot be made sense of must not keep the next from being shown. */
  #take(frame) {
    try {
      this.#do(frame);
    } catch (error) {
      console.warn("kefu-chat: a frame was passed over.", error);
    }
  }

  #do(frame) {
    const { log } = this.#panel;
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "event") this.#event(frame);
    else if (frame.type === "ack") (this.outbox.done(frame.id), log.pendings.delivered(frame.id));
    else if (frame.type === "typing")
      log.typing(frame.on ? log.nameOf({ from: frame.from, name: this.#state.name }) : null);
    else if (frame.type === "state") this.#stands(frame);
    else if (frame.type === "verdict") log.verdict(frame.turn, frame.verdict);
    else if (frame.type === "seen") this.unread.elsewhere(frame.seq);
    else if (frame.type === "reset") this.#forget();
    else if (frame.type === "error" && frame.id) this.outbox.refused(frame.id, frame.retry_after_s, frame.message);
  }

  #welcome(frame) {
    if (frame.reset) this.#forget();
    this.#begun = frame.begun ?? null;
    if (this.#historyTo === null) this.#historyTo = frame.seq ?? 0;
    if (this.#seq < frame.seq) this.#hush();
    if (frame.state) this.#stands(frame.state);
  }

  #event(event) {
    if (!Number.isSafeInteger(event.seq) || event.seq <= this.#seq) return;
    this.#seq = event.seq;
    if (event.id) this.outbox.done(event.id);
    if (event.from !== "user") this.#panel.log.typing(null);
    this.#panel.log.event(event);
    if (event.from === "user") this.#talked = true;
    this.#panel.mayEnd(this.#talked && this.#settings?.survey);
    const isOld = event.seq <= this.#historyTo;
    if (isOld) this.#hush();
    if (event.from !== "bot" && event.from !== "person") return;
    if (!this.#panel.isOpen && !isOld) this.#panel.tell(event);
    this.unread.came(event.seq);
  }

  /** Screen readers are not told of old messages, of which many may come at once. */
  #hush() {
    this.#panel.log.busy(true);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#panel.log.busy(false), HISTORY_QUIET_MS);
  }

  #stands(state) {
    const before = this.#state.who;
    this.#state = state;
    this.#panel.header.state(state);
    if (before === "human" && state.who === "returned") this.#endsWith(false);
  }

  #endsWith(focus) {
    if (this.#settings?.survey) this.#panel.survey(focus);
  }

  #connected(online) {
    this.outbox.connected(online);
    clearTimeout(this.#slow);
    if (online) this.#panel.connection("");
    else {
      this.#panel.log.typing(null);
      this.#slow = setTimeout(() => this.#offline(), OFFLINE_SHOWN_AFTER_MS);
    }
    for (const entry of this.outbox.entries) this.#panel.log.pendings.delivery(entry, online);
  }

  #offline() {
    if (this.connection.online || !this.#panel.isOpen || !this.#panel.gate.hidden) return;
    this.#panel.connection(this.#texts.offline);
    for (const entry of this.outbox.entries) this.#panel.log.pendings.delivery(entry, false);
  }

  #showPending() {
    for (const entry of this.outbox.entries) if (entry.frame.type === "message") this.#panel.log.pending(entry);
  }

  #forget() {
    this.#seq = 0;
    this.#begun = this.#historyTo = null;
    this.unread.reset();
    this.#panel.log.clear();
    this.#showPending();
  }

  /** Another tab was first, or has shown what came. */
  #changedElsewhere(key) {
    if (key === "seen") this.unread.elsewhere(this.storage.get("seen") ?? 0);
    if (key !== "token" || this.storage.kept) return;
    this.storage.keep();
    this.connection.renew();
    this.connection.want();
  }
}
