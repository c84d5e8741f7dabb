// The way to the agent on this machine: one message, one answer, and the host program ends again.

const HOST = "com.toktra.agent";
const NOT_INSTALLED = /host not found|no such native application/i; // Chrome and Edge, Firefox

/**
 * The agent's answer, or { kind: "absent", because, isInstalled } when none can be reached. `isInstalled` is false only where
 * the browser itself says that there is no such program: a machine whose agent does not answer has one nevertheless.
 */
export async function askAgent(message) {
  if (typeof chrome.runtime.sendNativeMessage !== "function") return absent("no native messaging", false); // ChromeOS
  try {
    const answer = await chrome.runtime.sendNativeMessage(HOST, message);
    return typeof answer?.kind === "string" ? { isInstalled: true, ...answer } : absent("unreadable", true);
  } catch (error) {
    const because = String(error?.message ?? error);
    return absent(because, !NOT_INSTALLED.test(because));
  }
}

function absent(because, isInstalled) {
  return { kind: "absent", because, isInstalled };
}
