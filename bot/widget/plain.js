// Text and addresses that others wrote, made harmless.

/** Without the characters that turn the text after them round, which make one thing look like another. */
export function withoutOverrides(text) {
  return String(text).replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}

/** `text`, cut after `most` characters. */
export function shortened(text, most) {
  const characters = [...withoutOverrides(text).replace(/\s+/g, " ").trim()];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
}

/** The address in full if it has one of `protocols`, else null. */
export function plainAddress(address, base, protocols = ["https:", "http:"]) {
  try {
    const url = new URL(address, base);
    return protocols.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
