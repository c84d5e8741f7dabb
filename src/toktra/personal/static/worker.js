/* Beside the page, so that it stays alive: opens and seals what it is handed. It never asks the network. */
import "./whole.js";
import { newIdentity, openCopy, opener, sealer } from "./sealing.js";

const AT_ONCE = 64;
const decoder = new TextDecoder();
let open = null;

const base64 = {
  decode: Uint8Array.fromBase64 ?? ((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))),
  encode: (bytes) => bytes.toBase64?.() ?? btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
};
const decode = (text) => base64.decode.call(Uint8Array, text);

const acts = {
  async use({ identity }) {
    open = await opener(identity);
  },

  /** The uses in all of the records, each with its record's day; a record that does not open is counted. */
  async open({ records }) {
    const uses = [];
    let unopened = 0;
    await inParts(records, async ({ day, sealed }) => {
      try {
        uses.push(...usesIn(JSON.parse(decoder.decode(await open(decode(sealed)))), day));
      } catch {
        unopened += 1;
      }
    });
    return { uses, unopened };
  },

  /** The records sealed for another key; what opens with neither key stays as it is. */
  async reseal({ records, identity }) {
    const seal = await sealer(identity);
    const resealed = [];
    await inParts(records, async ({ record, sealed }) => {
      try {
        resealed.push({ record, sealed: base64.encode(await seal(await open(decode(sealed)))) });
      } catch {
        // sealed anew by an earlier try that broke off, or damaged
      }
    });
    return resealed;
  },

  newIdentity,
  openCopy: ({ bytes, passphrase }) => openCopy(bytes, passphrase),
  seal: async ({ text, identity }) => (await sealer(identity))(text),
};

const usesIn = ({ columns, uses }, day) =>
  uses.map((use) => Object.fromEntries([["day", day], ...columns.map((name, place) => [name, use[place]])]));

async function inParts(records, one) {
  for (let first = 0; first < records.length; first += AT_ONCE) {
    await Promise.all(records.slice(first, first + AT_ONCE).map(one));
  }
}

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ id: data.id, done: await acts[data.act](data) });
  } catch {
    self.postMessage({ id: data.id, failed: true });
  }
});
