// What the customer has said and the server has not yet acknowledged: kept, sent one by one in order, and sent again
// under the same id after a lost connection, so that nothing is lost and nothing is taken twice.
const ACK_WITHIN_MS = 10_000;

export class Outbox {
  #storage;
  #on;
  #entries = [];
  #flying = null;
  #online = false;
  #timer;
  #newest = 0;

  /** `on` has send(frame), stuck(), changed(entry). */
  constructor(storage, on) {
    this.#storage = storage;
    this.#on = on;
    const kept = storage.keys("pending:").map((key) => storage.get(key));
    this.#entries = kept.filter((entry) => entry?.frame?.id).sort((one, other) => one.at - other.at);
    this.#newest = this.#entries.at(-1)?.at ?? 0;
  }

  get entries() {
    return [...this.#entries];
  }

  add(frame, shown = {}) {
    this.#newest = Math.max(Date.now(), this.#newest + 1);
    const entry = { frame: { ...frame, id: newId() }, at: this.#newest, failed: false, ...shown };
    this.#entries.push(entry);
    this.#keep(entry);
    this.#next();
    return entry;
  }

  /** The connection has come, or gone. */
  connected(online) {
    this.#online = online;
    this.#land();
    this.#next();
  }

  /** The server has it: an acknowledgement came, or the message itself. */
  done(id) {
    const index = this.#entries.findIndex(({ frame }) => frame.id === id);
    if (index >= 0) this.#entries.splice(index, 1);
    this.#storage.remove(`pending:${id}`);
    if (this.#flying === id) this.#land();
    this.#next();
  }

  /** The server does not take it: for now, or at all. */
  refused(id, retryAfterS, reason) {
    const entry = this.#entries.find(({ frame }) => frame.id === id);
    if (!entry) return;
    if (retryAfterS === undefined && entry.frame.type !== "message") {
      this.done(id); // a verdict that is not taken is nothing to write again
    } else if (retryAfterS === undefined) {
      this.#change(entry, { failed: true, reason });
      if (this.#flying === id) this.#land();
      this.#next();
    } else if (this.#flying === id) {
      this.#land(id);
      this.#timer = setTimeout(
        () => (this.#land(), this.#next()),
        Math.min(60, Math.max(0.2, Number(retryAfterS) || 1)) * 1_000,
      );
    }
  }

  /** Tries one again that was refused. */
  retry(id) {
    const entry = this.#entries.find(({ frame }) => frame.id === id);
    if (entry) this.#change(entry, { failed: false });
    this.#next();
  }

  clear() {
    for (const { frame } of this.entries) this.done(frame.id);
  }

  #next() {
    if (!this.#online || this.#flying) return;
    const entry = this.#entries.find(({ failed }) => !failed);
    if (!entry) return;
    this.#flying = entry.frame.id;
    this.#timer = setTimeout(() => this.#on.stuck(), ACK_WITHIN_MS);
    this.#on.send(entry.frame);
  }

  #land(id = null) {
    clearTimeout(this.#timer);
    this.#flying = id;
  }

  #change(entry, values) {
    Object.assign(entry, values);
    this.#keep(entry);
    this.#on.changed(entry);
  }

  #keep(entry) {
    this.#storage.set(`pending:${entry.frame.id}`, entry);
  }
}

/** A random UUID; `crypto.randomUUID` is missing on pages without TLS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
