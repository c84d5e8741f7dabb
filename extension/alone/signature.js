// Signs a request as devices do: HTTP Message Signatures (RFC 9421) over method, path, content type and the body's digest
// (RFC 9530). Ed25519 and SHA-256 are the browser's own (WebCrypto); here is only the text that is signed.

const COVERED = '("@method" "@path" "content-type" "content-digest")';
const LABEL = "toktra";

/** The key pair of a browser; its private half cannot be taken out again, by anybody. */
export function newKeyPair() {
  return crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
}

/** The raw public key in base64url, as it is enrolled. */
export async function publicKeyText(publicKey) {
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  return base64(raw).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The headers of a signed POST. `body` is a Uint8Array, `createdS` the time in seconds since 1970. */
export async function signedHeaders({ path, body, keyId, privateKey, createdS }) {
  const type = "application/json";
  const digest = `sha-256=:${base64(new Uint8Array(await crypto.subtle.digest("SHA-256", body)))}:`;
  const parameters = `${COVERED};created=${Math.floor(createdS)};keyid="${keyId}";alg="ed25519";tag="${LABEL}"`;
  const signed = [
    '"@method": POST', `"@path": ${path}`, `"content-type": ${type}`, `"content-digest": ${digest}`,
    `"@signature-params": ${parameters}`,
  ].join("\n");
  const signature = await crypto.subtle.sign("Ed25519", privateKey, new TextEncoder().encode(signed));
  return {
    "Content-Type": type,
    "Content-Digest": digest,
    "Signature-Input": `${LABEL}=${parameters}`,
    Signature: `${LABEL}=:${base64(new Uint8Array(signature))}:`,
  };
}

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
