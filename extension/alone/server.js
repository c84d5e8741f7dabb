// The one way out: a signed POST to the server this browser is enrolled with. No cookie goes along, nothing is cached, and
// nothing is asked of any other address, except where our own server sends a browser on to its region's.
import { signedHeaders } from "./signature.js";

export const ENROL_PATH = "/ingest/v1/enrol";
export const ANSWER_WITHIN_MS = 20_000;
const MISDIRECTED = 421; // a browser follows a 308 by itself, and says no longer who asks
const MAX_ANSWER_BYTES = 64 * 1024;
const HERE = new Set(["localhost", "127.0.0.1"]);

/** No answer came: the request may have arrived or not. */
export class Unreachable extends Error {}

/** The address of a server as it is kept, or null when it is none, or would send uses in the clear. */
export function serverAddress(text) {
  let address;
  try {
    address = new URL(text.trim());
  } catch {
    return null;
  }
  if (address.username || address.password || address.search || address.hash) return null;
  if (address.protocol !== "https:" && !(address.protocol === "http:" && HERE.has(address.hostname))) return null;
  return address.href.replace(/\/+$/, "");
}

/** Whether the server is this very machine. */
export function isThisMachine(server) {
  return HERE.has(new URL(server).hostname);
}

/**
 * { status, message, retryAfterS, server }: the answer with its JSON, null where it has none; `server` is the one that gave it.
 * Followed is one word of our own server that another region's is the right one, and no redirect. Throws Unreachable.
 */
export async function post({ server, keyId, privateKey }, path, text) {
  const answer = await asked({ server, keyId, privateKey }, path, text);
  const there = answer.status === MISDIRECTED ? regionAddress(answer.location, path, server) : null;
  return there === null ? answer : asked({ server: there, keyId, privateKey }, path, text);
}

async function asked({ server, keyId, privateKey }, path, text) {
  const address = new URL(server + path);
  const body = new TextEncoder().encode(text);
  const headers = await signedHeaders({ path: address.pathname, body, keyId, privateKey, createdS: Date.now() / 1000 });
  try {
    const answer = await fetch(address, {
      method: "POST", headers, body, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", redirect: "error",
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    return {
      status: answer.status,
      message: await json(answer),
      retryAfterS: seconds(answer.headers.get("Retry-After")),
      location: answer.headers.get("Location"),
      server,
    };
  } catch (error) {
    throw new Unreachable(String(error?.message ?? error));
  }
}

/** The signature covers the path, so another server of ours takes the same request; never an unencrypted one instead of this. */
function regionAddress(location, path, server) {
  const there = location?.endsWith(path) ? serverAddress(location.slice(0, -path.length)) : null;
  return there !== null && new URL(there).protocol === new URL(server).protocol ? there : null;
}

async function json(answer) {
  const pieces = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > MAX_ANSWER_BYTES) {
      await reader.cancel();
      return null;
    }
    pieces.push(value);
  }
  try {
    return JSON.parse(await new Blob(pieces).text());
  } catch {
    return null;
  }
}

function seconds(retryAfter) {
  return /^\d{1,6}$/.test(retryAfter ?? "") ? Math.min(Number(retryAfter), 3600) : 0;
}
