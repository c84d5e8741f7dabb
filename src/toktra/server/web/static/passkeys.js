/* Passkeys: asks the server for a question, the browser for an answer, and tells the server. No passkey leaves here. */
"use strict";
(() => {
  const toBytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const toText = (bytes) =>
    btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const known = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

  const make = async (options) => {
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: known(options.excludeCredentials),
      },
    });
    return { ...described(made), response: {
      clientDataJSON: toText(made.response.clientDataJSON),
      attestationObject: toText(made.response.attestationObject),
    } };
  };

  const answer = async (options) => {
    const given = await navigator.credentials.get({
      publicKey: { ...options, challenge: toBytes(options.challenge), allowCredentials: known(options.allowCredentials) },
    });
    return { ...described(given), response: {
      clientDataJSON: toText(given.response.clientDataJSON),
      authenticatorData: toText(given.response.authenticatorData),
      signature: toText(given.response.signature),
      userHandle: given.response.userHandle ? toText(given.response.userHandle) : null,
    } };
  };

  const described = (credential) => ({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
  });

  const post = async (address, body) => {
    const response = await fetch(address, {
      method: "POST",
      headers: body ? { "content-type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
    if (response.redirected) { location.assign(response.url); return null; }  // it must first be known again who this is
    const told = await response.json();
    if (!response.ok) throw new Error(told.error);
    return told;
  };

  const run = async (form) => {
    const options = await post(form.dataset.options);
    if (options === null) return;
    let credential;
    try {
      credential = await (form.dataset.passkey === "add" ? make(options) : answer(options));
    } catch {  // cancelled, timed out, or no such passkey here: the browser does not say which, and that is right
      throw new Error(form.dataset.cancelled);
    }
    const told = await post(form.dataset.finish, { ...Object.fromEntries(new FormData(form)), credential });
    if (told !== null) location.assign(told.to);
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const fault = form.querySelector("[data-fault]");
    if (!window.PublicKeyCredential) continue;
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      fault.hidden = true;
      try {
        await run(form);
      } catch (error) {
        fault.querySelector("[data-words]").textContent = error.message || form.dataset.cancelled;
        fault.hidden = false;
      }
      button.disabled = false;
    });
  }
})();
