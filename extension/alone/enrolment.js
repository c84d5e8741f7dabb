// How a browser is introduced to a server: a code, and a key made here, whose private half never leaves this browser.
import { newKeyPair, publicKeyText } from "./signature.js";
import { ENROL_PATH, Unreachable, serverAddress } from "./server.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SYSTEMS = { cros: "chromeos", mac: "macos", win: "windows" };
export const ACCOUNT = "browser";

/** `name` is the text that says why, `said` what the server said. Nothing was changed. */
export class NotEnrolled extends Error {
  constructor(name, said = "") {
    super(name);
    this.name = name;
    this.said = said;
  }
}

/** The identity of this browser from now on; it is kept, and `begin` has its part of the same change. Throws NotEnrolled. */
export async function enrol({ database, post, begin }, { server, code, person = null, isManaged = false }, { os, browser, version }) {
  const address = typeof server === "string" ? serverAddress(server) : null;
  if (address === null) throw new NotEnrolled("server_not_usable");
  if (typeof code !== "string" || code.trim().length < 8 || code.trim().length > 128) throw new NotEnrolled("code_not_usable");
  const pending = await keyFor(database, address, code.trim());
  const publicKey = await publicKeyText(pending.keys.publicKey);
  const platform = SYSTEMS[os] ?? "linux";
  const hostname = `${browser}-${platform}-${pending.mark}`; // a browser knows no host name
  const request = {
    code: code.trim(), public_key: publicKey, hostname, platform, agent_version: version, account: ACCOUNT,
    ...(person ? { person } : {}),
  };
  const answer = await asked(post, { server: address, keyId: publicKey, privateKey: pending.keys.privateKey }, request);
  const identity = { ...understood(answer), server: answer.server, privateKey: pending.keys.privateKey, hostname, isManaged };
  await database.change(async (stores) => {
    await begin(stores, identity);
    stores.kept.put(identity, "identity");
    stores.kept.delete("pending");
    stores.kept.delete("link");
  });
  return identity;
}

/** A new key, or the one an earlier try with this code was made with: its answer may have been lost. */
async function keyFor(database, server, code) {
  const before = await database.get("pending");
  if (before?.server === server && before.code === code) return before;
  let keys;
  try {
    keys = await newKeyPair();
  } catch {
    throw new NotEnrolled("browser_too_old");
  }
  const mark = [...crypto.getRandomValues(new Uint8Array(2))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const pending = { server, code, keys, mark };
  await database.change(({ kept }) => kept.put(pending, "pending"));
  return pending;
}

async function asked(post, from, request) {
  try {
    return await post(from, ENROL_PATH, JSON.stringify(request));
  } catch (error) {
    if (error instanceof Unreachable) throw new NotEnrolled("server_not_reached", error.message);
    throw error;
  }
}

function understood({ status, message }) {
  const { tenant, device, key_id: keyId, detail } = message ?? {};
  const said = typeof detail === "string" ? detail.slice(0, 300) : "";
  const isWhole = [tenant, device, keyId].every((one) => typeof one === "string");
  if (status === 200 && isWhole && UUID.test(device) && UUID.test(keyId.slice(0, 36)) && keyId.slice(36) === `:${device}`) {
    return { tenant: tenant.slice(0, 200), device, keyId };
  }
  if ([400, 401, 403, 409, 410, 422].includes(status) && said) throw new NotEnrolled("enrolment_refused", said);
  if (status === 429 || status >= 500) throw new NotEnrolled("enrolment_later", said);
  throw new NotEnrolled("no_server");
}
