/* The Token Perks key as text: an age identity file whose comments say where the records are. Pure. */
import { _ } from "./words.js";

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
    throw new KeyNotUsable(_("This is no Token Perks key: one line of it begins with AGE-SECRET-KEY-1. Choose the file you saved it to."));
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(said.mailbox ?? "")) {
    throw new KeyNotUsable(_("In this key the line “# mailbox:” is missing or damaged. Use another copy of it."));
  }
  return { service: said.service ?? "", mailbox: said.mailbox, identity: identities[0] };
}

/** The reverse. */
export const writeKey = (key) => `${HEAD}\n# service: ${key.service}\n# mailbox: ${key.mailbox}\n${key.identity}\n`;

/** What opens a file: "passkey" or "passphrase"; null, it is no copy. */
export function openerOf(bytes) {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 128)).trimStart();
  if (head.startsWith("age-encryption.org/v1\n-> age-encryption.org/fido2prf ")) return "passkey";
  return head.startsWith("-----BEGIN AGE ENCRYPTED FILE-----") || head.startsWith("age-encryption.org/v1") ? "passphrase" : null;
}
