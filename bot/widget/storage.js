// What is kept in the browser. Nothing is, until `keep` says that the customer wants to chat; and where the browser
// refuses localStorage it all stays in memory. Every value has a key of its own: two tabs never overwrite each other.
export class Storage {
  #memory = new Map();
  #prefix;

  constructor(server) {
    this.#prefix = `kefu:${server}:`;
    this.kept = this.#local((local) => local.getItem(`${this.#prefix}token`)) !== null;
  }

  get(key) {
    const kept = this.#local((local) => local.getItem(this.#prefix + key));
    const text = kept ?? this.#memory.get(key) ?? "null";
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  set(key, value) {
    const text = JSON.stringify(value);
    if (this.kept && this.#local((local) => (local.setItem(this.#prefix + key, text), true))) this.#memory.delete(key);
    else this.#memory.set(key, text);
  }

  remove(key) {
    this.#memory.delete(key);
    this.#local((local) => local.removeItem(this.#prefix + key));
  }

  /** The keys that begin with `start`. */
  keys(start) {
    const names = this.#local((local) => Object.keys(local)) ?? [];
    const kept = names.filter((name) => name.startsWith(this.#prefix)).map((name) => name.slice(this.#prefix.length));
    return [...new Set([...kept, ...this.#memory.keys()])].filter((key) => key.startsWith(start));
  }

  /** From now on everything is kept; values that another tab has kept already win. */
  keep() {
    if (this.kept) return;
    this.kept = true;
    for (const [key, text] of [...this.#memory]) {
      if (this.#local((local) => local.getItem(this.#prefix + key)) === null) this.set(key, JSON.parse(text));
      else this.#memory.delete(key);
    }
  }

  /** Tells of what another tab has changed. */
  watch(tell) {
    addEventListener("storage", ({ key }) => key?.startsWith(this.#prefix) && tell(key.slice(this.#prefix.length)));
  }

  #local(use) {
    try {
      return use(localStorage);
    } catch {
      return null;
    }
  }
}
