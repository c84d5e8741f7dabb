/* All cryptography of the page, by age-encryption: opening and sealing, with one key. Used by the worker alone. */
import { Decrypter, Encrypter, armor, generateX25519Identity, identityToRecipient } from "age-encryption";
import { bech32 } from "@scure/base";

// A private key as WebCrypto takes it in (RFC 8410): this, then its 32 bytes.
const PKCS8_X25519 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];

/** Opens records. The key goes into WebCrypto once, where there is X25519: ten times as fast as importing it for each. */
export async function opener(identity) {
  const decrypter = new Decrypter();
  decrypter.addIdentity((await inWebCrypto(identity)) ?? identity);
  return (sealed) => decrypter.decrypt(sealed);
}

async function inWebCrypto(identity) {
  try {
    const key = new Uint8Array([...PKCS8_X25519, ...bech32.decodeToBytes(identity).bytes]);
    return await crypto.subtle.importKey("pkcs8", key, { name: "X25519" }, false, ["deriveBits"]);
  } catch {
    return null; // an older browser: the library multiplies by itself
  }
}

/** Seals to whoever has this identity. */
export async function sealer(identity) {
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(identity));
  return (plain) => encrypter.encrypt(plain);
}

export const newIdentity = () => generateX25519Identity();

/** The text in a copy, armored or not. Throws for another passphrase. */
export async function openCopy(bytes, passphrase) {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 32)).trimStart();
  const file = head.startsWith("-----BEGIN") ? armor.decode(new TextDecoder().decode(bytes).trim()) : bytes;
  return decrypter.decrypt(file, "text");
}
