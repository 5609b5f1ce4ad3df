// Two ways to the server of one shape: open(place), send(frame), close(); they call on.open, on.frame and on.close.
const WELCOME_WITHIN_MS = 6_000;
const POLL_S = 25;

export class SocketTransport {
  #session;
  #on;
  #socket;
  #timer;

  constructor(session, on) {
    this.#session = session;
    this.#on = on;
  }

  open(place) {
    const address = this.#session.address("socket");
    address.protocol = address.protocol.replace("http", "ws");
    try {
      this.#socket = new WebSocket(address, "kefu.widget.v1");
    } catch {
      return queueMicrotask(() => this.#end()); // forbidden here, or not there
    }
    this.#timer = setTimeout(() => this.#end(), WELCOME_WITHIN_MS);
    this.#socket.onopen = () => this.send({ type: "hello", token: this.#session.token, ...place });
    this.#socket.onclose = () => this.#end();
    this.#socket.onmessage = ({ data }) => this.#take(data);
  }

  send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  close() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.onclose = socket.onmessage = socket.onopen = null;
    socket?.close(1000);
  }

  #take(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    if (frame === null || typeof frame !== "object") return;
    if (frame.type === "welcome") {
      clearTimeout(this.#timer);
      this.#on.open();
    }
    this.#on.frame(frame);
    if (frame.type === "bye") this.#end();
  }

  #end() {
    this.close();
    this.#on.close();
  }
}

export class PollingTransport {
  #session;
  #on;
  #ended = new AbortController();

  constructor(session, on) {
    this.#session = session;
    this.#on = on;
  }

  async open({ after, ...begun }) {
    let [seq, wait] = [after, 0];
    const rest = new URLSearchParams(begun);
    while (!this.#ended.signal.aborted) {
      const began = performance.now();
      const frames = await this.#ask(`frames?after=${seq}&wait=${wait}&${rest}`, {}, (wait + 10) * 1_000);
      if (!frames) return;
      if (wait === 0) this.#on.open();
      for (const frame of frames) {
        if (frame.type === "event") seq = Math.max(seq, frame.seq);
        if (frame.type === "reset" || frame.reset) seq = 0;
        if (typeof frame.begun === "number") rest.set("begun", frame.begun);
        this.#on.frame(frame);
      }
      if (frames.some(({ type }) => type === "bye")) this.#end();
      const hurried = wait > 0 && !frames.some(({ type }) => type === "event") && performance.now() - began < 1_000;
      if (hurried) await new Promise((done) => setTimeout(done, 1_000)); // a server that does not wait
      wait = POLL_S;
    }
  }

  async send(frame) {
    const request = { method: "POST", body: JSON.stringify({ frames: [frame] }) };
    const frames = await this.#ask("frames", request, 15_000);
    const answers = (frames ?? []).filter(({ type }) => type !== "event"); // these come in order, by the poll
    answers.forEach((answer) => this.#on.frame(answer));
  }

  close() {
    this.#ended.abort();
  }

  async #ask(path, request, patience) {
    try {
      const response = await fetch(this.#session.address(path), {
        ...request,
        headers: { ...this.#session.headers, ...(request.body && { "Content-Type": "application/json" }) },
        credentials: "omit",
        cache: "no-store",
        signal: AbortSignal.any([this.#ended.signal, AbortSignal.timeout(patience)]),
      });
      if (!response.ok) throw new Error(`The bot answered ${response.status}.`);
      return (await response.json()).frames ?? [];
    } catch {
      this.#end();
      return null;
    }
  }

  #end() {
    if (this.#ended.signal.aborted) return;
    this.close();
    this.#on.close();
  }
}
