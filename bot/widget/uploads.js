// Files on their way to the server. One that is still being uploaded is lost with the page: nothing was said of it.
import { newId } from "./outbox.js";
import { sizeText } from "./texts.js";

export class Uploads {
  #session;
  #on;

  /** `on` has begun(entry, text), ended(entry), done(id, label) and warn(text). */
  constructor(session, on) {
    this.#session = session;
    this.#on = on;
  }

  /** Sends a file, if `limits`, the server's, allow it. */
  async take(file, limits, texts) {
    this.#on.warn("");
    const complaint = complaintOf(file, limits, texts);
    if (complaint) return this.#on.warn(complaint);
    const label = { name: file.name, bytes: file.size };
    const entry = { frame: { id: newId() }, at: Date.now(), failed: false, label };
    this.#on.begun(entry, texts.uploading(file.name));
    try {
      const { id } = await this.#session.upload(file);
      this.#on.ended(entry);
      this.#on.done(id, label);
    } catch (error) {
      this.#on.ended(entry);
      this.#on.warn(error.status === 415 ? texts.wrongType(file.name) : texts.notUploaded(file.name));
    }
  }
}

/** Why a file cannot be sent; null where it can. */
function complaintOf(file, { types, max_bytes: most }, texts) {
  if (types && !types.includes(file.type)) return texts.wrongType(file.name);
  return file.size > most ? texts.tooLarge(file.name, sizeText(most, texts.lang)) : null;
}
