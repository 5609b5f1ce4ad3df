// What goes on between the customer, the browser and the server. It draws nothing; panel.js does.
import { Connection } from "./connection.js";
import { newId, Outbox } from "./outbox.js";
import { Session } from "./session.js";
import { Storage } from "./storage.js";
import { sizeText } from "./texts.js";

const OFFLINE_SHOWN_AFTER_MS = 1_500;
const HISTORY_QUIET_MS = 300;

export class Chat {
  #texts;
  #panel;
  #seq = 0;
  #begun = null;
  #seen = 0;
  #unread = 0;
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
    this.#seen = this.storage.get("seen") ?? 0;
    this.#panel = this.#draw(this.#texts);
    this.outbox = new Outbox(this.storage, {
      send: (frame) => this.connection.send(frame),
      stuck: () => this.connection.abandon(),
      changed: (entry) => this.#panel.log.delivery(entry),
    });
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
    this.#watch();
    this.#showPending();
  }

  begin() {
    if (!this.storage.kept) return this.connection.start();
    this.#panel.offer();
    this.connection.want();
  }

  toggle(open) {
    if (open === this.#panel.isOpen) return;
    if (!open) return this.#panel.close();
    this.#panel.open();
    this.#mayTalk();
    this.#sawAll();
  }

  #actions() {
    const put = (frame) => this.outbox.add(frame);
    return {
      toggle: (open) => this.toggle(open),
      say: (text) => this.#say({ type: "message", text }),
      choose: (payload, title) => this.#say({ type: "message", text: payload, title }),
      files: (files) => files.forEach((file) => this.#upload(file)),
      typing: (on) => this.connection.send({ type: "typing", on }),
      rate: (turn, verdict, comment) => put({ type: "feedback", turn, verdict, ...(comment && { comment }) }),
      survey: (score, comment) => put({ type: "survey", score, ...(comment && { comment }) }),
      end: () => (put({ type: "end" }), this.#endsWith(true)),
      consent: (agreed) => (agreed ? this.#agree() : this.toggle(false)),
      retry: (id) => this.outbox.retry(id),
      discard: (id) => (this.outbox.done(id), this.#panel.log.discarded(id)),
    };
  }

  /** Draws everything anew where the server's settings want other texts; nothing has been said yet then. */
  #speak(texts) {
    if (texts === this.#texts || this.#seq) return;
    const { isOpen } = this.#panel;
    this.#panel = this.#draw(texts);
    this.#showPending();
    if (isOpen) this.#panel.open();
  }

  #settle(settings) {
    const isAnother = this.storage.get("session") !== this.session.id;
    if (isAnother && this.#seq) this.#forget();
    if (isAnother) this.storage.set("seen", (this.#seen = 0));
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
    this.#talked = true;
    this.#panel.log.pending(this.outbox.add(frame));
    this.#panel.end.hidden = !this.#settings?.survey;
    if (!this.connection.online) this.#offline();
  }

  async #upload(file) {
    const { uploads } = this.#settings ?? {};
    const [texts, name] = [this.#texts, file.name];
    if (!uploads) return;
    if (uploads.types && !uploads.types.includes(file.type)) return this.#panel.warn(texts.wrongType(name));
    if (file.size > uploads.max_bytes) return this.#panel.warn(texts.tooLarge(name, sizeText(uploads.max_bytes, texts.lang)));
    const label = { name, bytes: file.size };
    const entry = { frame: { id: newId() }, at: Date.now(), label, failed: false };
    const log = this.#panel.log;
    log.pending(entry);
    this.#panel.connection(texts.uploading(name));
    try {
      const { id } = await this.session.upload(file);
      log.discarded(entry.frame.id);
      log.pending(this.outbox.add({ type: "message", file: id }, { label }));
    } catch (error) {
      log.discarded(entry.frame.id);
      this.#panel.warn(error.refused ? texts.wrongType(name) : texts.notUploaded(name));
    } finally {
      this.#panel.connection("");
    }
  }

  #take(frame) {
    const { log } = this.#panel;
    if (frame.type === "welcome") this.#welcome(frame);
    else if (frame.type === "event") this.#event(frame);
    else if (frame.type === "ack") (this.outbox.done(frame.id), log.delivered(frame.id));
    else if (frame.type === "typing") log.typing(frame.on ? log.nameOf({ from: frame.from, name: this.#state.name }) : null);
    else if (frame.type === "state") this.#stands(frame);
    else if (frame.type === "verdict") log.verdict(frame.turn, frame.verdict);
    else if (frame.type === "seen") this.#sawElsewhere(frame.seq);
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
    if (!(event.seq > this.#seq)) return;
    this.#seq = event.seq;
    if (event.id) this.outbox.done(event.id);
    if (event.from !== "user") this.#panel.log.typing(null);
    this.#panel.log.event(event);
    if (event.from === "user") this.#talked = true;
    this.#panel.end.hidden = !this.#talked || !this.#settings?.survey;
    const isOld = event.seq <= this.#historyTo;
    if (isOld) this.#hush();
    if (event.from !== "bot" && event.from !== "person") return;
    if (event.seq > this.#seen) this.#count(event, isOld);
  }

  /** Screen readers are not told of old messages, of which many may come at once. */
  #hush() {
    this.#panel.log.busy(true);
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#panel.log.busy(false), HISTORY_QUIET_MS);
  }

  #count(event, isOld) {
    this.#unread += 1;
    this.#panel.unread(this.#unread);
    if (!this.#panel.isOpen && !isOld) this.#panel.tell(event);
    this.#sawAll();
  }

  #sawAll() {
    if (!this.#panel.isOpen || document.hidden || this.#seq <= this.#seen) return;
    this.#seen = this.#seq;
    this.#unread = 0;
    this.#panel.unread(0);
    this.storage.set("seen", this.#seen);
    this.connection.send({ type: "seen", seq: this.#seen });
  }

  /** In another tab. */
  #sawElsewhere(seq) {
    if (seq < this.#seq || seq <= this.#seen) return;
    this.#seen = seq;
    this.#panel.unread((this.#unread = 0));
  }

  #stands(state) {
    const before = this.#state.who;
    this.#state = state;
    this.#panel.state(state);
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
    for (const entry of this.outbox.entries) this.#panel.log.delivery(entry, online);
  }

  #offline() {
    if (this.connection.online || !this.#panel.isOpen || !this.#panel.gate.hidden) return;
    this.#panel.connection(this.#texts.offline);
    for (const entry of this.outbox.entries) this.#panel.log.delivery(entry, false);
  }

  #showPending() {
    for (const entry of this.outbox.entries) if (entry.frame.type === "message") this.#panel.log.pending(entry);
  }

  #forget() {
    this.#seq = this.#unread = 0;
    this.#begun = this.#historyTo = null;
    this.#panel.unread(0);
    this.#panel.log.clear();
    this.#showPending();
  }

  #watch() {
    document.addEventListener("visibilitychange", () => this.#sawAll());
    this.storage.watch((key) => {
      if (key === "token" && !this.storage.kept) {
        this.storage.keep();
        this.connection.renew();
        this.connection.want();
      }
      if (key === "seen") this.#sawElsewhere(this.storage.get("seen") ?? 0);
    });
  }
}
