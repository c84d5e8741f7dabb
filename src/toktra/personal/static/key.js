/* The Token Perks key as text: an age identity file whose comments say where the records are. Pure. */
const HEAD = "# Token Perks key. Whoever has it can read your personal ledger. Nobody can replace it.";

export class KeyNotUsable extends Error {}

/** The key in a file's text. Throws KeyNotUsable with a sentence that names the line. */
export function readKey(text) {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).map((line) => line.trim());
  const said = {};
  for (const line of lines) {
    const found = /^#\s*(service|mailbox):\s*(\S+)$/.exec(line);
    if (found) said[found[1]] = found[2];
  }
  const identities = lines.filter((line) => line && !line.startsWith("#"));
  if (identities.length !== 1 || !/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(identities[0])) {
    throw new KeyNotUsable("This is no Token Perks key: one line of it begins with AGE-SECRET-KEY-1. Choose the file you saved it to.");
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(said.mailbox ?? "")) {
    throw new KeyNotUsable("In this key the line “# mailbox:” is missing or damaged. Use another copy of it.");
  }
  return { service: said.service ?? "", mailbox: said.mailbox, identity: identities[0] };
}

/** The reverse. */
export const writeKey = (key) => `${HEAD}\n# service: ${key.service}\n# mailbox: ${key.mailbox}\n${key.identity}\n`;

/** Whether a file is a copy that asks for a passphrase. */
export function isCopy(bytes) {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 64)).trimStart();
  return head.startsWith("-----BEGIN AGE ENCRYPTED FILE-----") || head.startsWith("age-encryption.org/v1");
}
