// The way to the agent on this machine: one message, one answer, and the host program ends again.

const HOST = "com.toktra.agent";
const NOT_INSTALLED = /host not found|no such native application/i; // Chrome and Edge, Firefox
const ANSWERS_WITHIN_MS = 60_000; // the host program gives up on the agent before that

/**
 * The agent's answer, or { kind: "absent", because, isInstalled } when none can be reached. `isInstalled` is false only where
 * the browser itself says that there is no such program: a machine whose agent does not answer has one nevertheless.
 */
export async function askAgent(message, withinMs = ANSWERS_WITHIN_MS) {
  if (typeof chrome.runtime.sendNativeMessage !== "function") return absent("no native messaging", false); // ChromeOS
  let patience = null;
  const tooLate = new Promise((_, reject) => {
    patience = setTimeout(() => reject(new Error("no answer in time")), withinMs);
  });
  try {
    const answer = await Promise.race([chrome.runtime.sendNativeMessage(HOST, message), tooLate]);
    return typeof answer?.kind === "string" ? { ...answer, isInstalled: true } : absent("unreadable", true);
  } catch (error) {
    const because = String(error?.message ?? error);
    return absent(because, !NOT_INSTALLED.test(because));
  } finally {
    clearTimeout(patience);
  }
}

function absent(because, isInstalled) {
  return { kind: "absent", because, isInstalled };
}
