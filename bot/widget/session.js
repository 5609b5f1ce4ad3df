// Who the customer is: a signed token of the server's. Nothing of it ever stands in an address.
export class NotAllowed extends Error {}

export class Session {
  #storage;
  #locale;

  constructor(server, storage, locale) {
    this.server = server;
    this.#storage = storage;
    this.#locale = locale;
    this.token = null;
    this.id = null;
  }

  address(path) {
    return new URL(`webhooks/widget/${path}`, this.server);
  }

  get headers() {
    return { Authorization: `Bearer ${this.token}` };
  }

  /** Asks for a token, with the old one where there is one; returns the server's settings. */
  async begin() {
    const token = this.#storage.get("token");
    const page = location.origin === "null" ? undefined : location.origin + location.pathname;
    const response = await fetch(this.address("session"), {
      method: "POST",
      headers: { "Content-Type": "text/plain" }, // JSON all the same; with its own type browsers would ask twice
      body: JSON.stringify({ ...(token && { token }), locale: this.#locale, page }),
      credentials: "omit",
      signal: AbortSignal.timeout(15_000),
    });
    if (response.status === 403)
      throw new NotAllowed("This page may not show the chat: its origin is not on the bot's list.");
    if (!response.ok) throw new Error(`The bot answered ${response.status}.`);
    const answer = await response.json();
    this.token = answer.token;
    this.id = answer.session;
    this.#storage.set("token", answer.token);
    return answer.settings ?? {};
  }

  /** Leaves a file with the server; what it answers has the id that a message names. */
  async upload(file) {
    const body = new FormData();
    body.append("file", file, file.name);
    const response = await fetch(this.address("files"), {
      method: "POST",
      headers: this.headers,
      body,
      credentials: "omit",
    });
    if (!response.ok) throw Object.assign(new Error("The file was not taken."), { status: response.status });
    return response.json();
  }
}
