// How much the customer has not seen yet, over reloads and over all her tabs.
const TOLD_AFTER_MS = 400;

export class Unread {
  #storage;
  #on;
  #count = 0;
  #newest = 0;
  #timer;

  /** `on` has isLooking(), count(number) and seen(seq). */
  constructor(storage, on) {
    this.#storage = storage;
    this.#on = on;
    this.seen = storage.get("seen") ?? 0;
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Something was said to the customer. */
  came(seq) {
    this.#newest = seq;
    if (seq <= this.seen) return;
    this.#show(this.#count + 1);
    this.look();
  }

  /** She has seen everything, if she looks. */
  look() {
    if (!this.#on.isLooking() || document.hidden || this.#newest <= this.seen) return;
    this.#sawAll();
    this.#storage.set("seen", this.seen);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#on.seen(this.seen), TOLD_AFTER_MS);
  }

  /** She has seen everything up to `seq` in another tab. */
  elsewhere(seq) {
    if (seq >= this.#newest && this.#newest > this.seen) this.#sawAll();
  }

  /** Another conversation begins. */
  reset() {
    this.seen = this.#newest = 0;
    this.#storage.set("seen", 0);
    this.#show(0);
  }

  #sawAll() {
    this.seen = this.#newest;
    this.#show(0);
  }

  #show(count) {
    this.#count = count;
    this.#on.count(count);
  }
}
