/* A copy of the key that a passkey opens (WebAuthn PRF, age-encryption's fido2prf). The browser asks its owner each time;
   nothing is kept of it but the file they save. */
import { Decrypter, Encrypter, webauthn } from "age-encryption";
import { KeyNotUsable } from "./key.js";
import { _ } from "./words.js";

const IS_ADDRESS = /^[\d.]+$|:/; // passkeys belong to a name

export const canUsePasskeys = () => "PublicKeyCredential" in window && !IS_ADDRESS.test(location.hostname);

/** An age file over `text`, and a new passkey that opens it. Throws KeyNotUsable. */
export const copyFor = (text) =>
  asked(async () => {
    const identity = await webauthn.createCredential({ keyName: _("Token Perks key") });
    const encrypter = new Encrypter();
    encrypter.addRecipient(new webauthn.WebAuthnRecipient({ identity }));
    return encrypter.encrypt(text);
  });

/** The text in such a copy. Throws KeyNotUsable. */
export const openedBy = (bytes) =>
  asked(async () => {
    const decrypter = new Decrypter();
    decrypter.addIdentity(new webauthn.WebAuthnIdentity());
    return decrypter.decrypt(bytes, "text");
  });

async function asked(act) {
  if (!canUsePasskeys()) {
    throw new KeyNotUsable(_("This browser, or this address of the service, cannot use passkeys. They need a service with a name, reached by https."));
  }
  try {
    return await act();
  } catch (error) {
    throw new KeyNotUsable(
      error instanceof DOMException
        ? _("No passkey was used: it was declined, took too long, or is not on this device. Nothing was changed.")
        : /PRF/.test(error.message)
          ? _("This passkey cannot open files. Use one of your device or a newer security key, or take a copy with a passphrase. Nothing was changed.")
          : _("The copy does not open with this passkey, or the file is damaged. Use another copy of the key."),
    );
  }
}
