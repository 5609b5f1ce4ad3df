// Keeps a way to the server open: a socket, or polls where there can be none; comes back by itself, ever more slowly.
import { NotAllowed } from "./session.js";
import { PollingTransport, SocketTransport } from "./transports.js";

const FIRST_WAIT_MS = 800;
const LONGEST_WAIT_MS = 15_000;
const QUIET_MS = 20_000;
const PONG_WITHIN_MS = 8_000;
const LOOK_MS = 4_000;
const POLLS_FOR_MS = 300_000;

export class Connection {
  #session;
  #on;
  #transport = null;
  #wanted = false; // beyond the settings: frames too
  #begun = false;
  #busy = false;
  #resting = false;
  #polls = false;
  #tries = 0;
  #timer;
  #heard = 0;
  #since = 0;
  #asked = 0;

  /** `on` has settings(settings), refused(error), status(word), place(), frame(frame). */
  constructor(session, on) {
    this.#session = session;
    this.#on = on;
    this.online = false;
    addEventListener("online", () => this.#now());
    addEventListener("offline", () => this.#lose());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#now());
    addEventListener("pagehide", () => this.#drop());
    document.addEventListener("visibilitychange", () => document.hidden || this.online || this.#now());
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** Fetches the settings. */
  start() {
    this.#resting = false;
    this.#now();
  }

  /** Ends the connection until it is wanted again. */
  rest() {
    this.#resting = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** From now on frames are wanted, not only the settings. */
  want() {
    this.#wanted = true;
    this.#resting = false;
    if (!this.#transport) this.#now();
  }

  /** Begins anew with the token that is kept now. */
  renew() {
    this.#begun = false;
    this.#drop();
    this.#now();
  }

  send(frame) {
    if (this.online) this.#transport.send(frame);
  }

  /** Gives up a connection on which nothing comes back. */
  abandon() {
    if (this.#transport) this.#lose();
  }

  async #attempt() {
    clearTimeout(this.#timer);
    if (this.#busy || this.#transport || this.#resting) return;
    this.#busy = true;
    try {
      if (!this.#begun) this.#on.settings(await this.#session.begin());
      this.#begun = true;
    } catch (error) {
      if (error instanceof NotAllowed) return this.#on.refused(error);
      if (!this.#tries) console.warn("kefu-chat: the bot cannot be reached, or this page's origin is not on its list.");
      return this.#again();
    } finally {
      this.#busy = false;
    }
    if (this.#wanted && !this.#resting) this.#open();
  }

  #open() {
    const mine = (tell) => (value) => this.#transport === transport && tell(value);
    const on = {
      open: mine(() => this.#opened()),
      frame: mine((frame) => this.#took(frame)),
      close: mine(() => this.#lose()),
    };
    const transport = this.#polls ? new PollingTransport(this.#session, on) : new SocketTransport(this.#session, on);
    this.#transport = transport;
    transport.open(this.#on.place());
  }

  #opened() {
    this.#tries = 0;
    this.#heard = this.#since = performance.now();
    this.#asked = 0;
    this.online = true;
    this.#on.status("online");
  }

  #took(frame) {
    this.#heard = performance.now();
    this.#asked = 0;
    if (frame.type === "bye" && frame.reason === "expired") this.#begun = false;
    this.#on.frame(frame);
  }

  /** What kept sockets out may have gone; if not, polls go on at once. */
  #trySocket() {
    this.#polls = false;
    this.#drop();
    this.#attempt();
  }

  #lose() {
    const worked = this.online;
    const first = !worked && !this.#polls && this.#transport;
    this.#drop();
    if (!worked) {
      this.#polls = !this.#polls; // the other way may be open
      this.#begun = false; // or the token is no longer good
    }
    if (first && navigator.onLine) this.#attempt();
    else this.#again();
  }

  #drop() {
    this.#transport?.close();
    this.#transport = null;
    this.online = false;
    this.#on.status("offline");
  }

  #again() {
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#attempt(), wait);
  }

  #now() {
    this.#tries = 0;
    this.#attempt();
  }

  #look() {
    if (!this.online) return;
    const now = performance.now();
    if (this.#transport instanceof PollingTransport) return now - this.#since < POLLS_FOR_MS || this.#trySocket();
    if (this.#asked && now - this.#asked > PONG_WITHIN_MS) return this.#lose();
    if (this.#asked || now - this.#heard < QUIET_MS) return;
    this.#asked = now;
    this.send({ type: "ping" });
  }
}
