// The way to the agent on this machine: one message, one answer, and the host program ends again.

const HOST = "com.toktra.agent";

/** The agent's answer, or { kind: "absent", because } when none can be reached. Never throws. */
export async function askAgent(message) {
  try {
    const answer = await chrome.runtime.sendNativeMessage(HOST, message);
    return typeof answer?.kind === "string" ? answer : { kind: "absent", because: "unreadable" };
  } catch (error) {
    return { kind: "absent", because: String(error?.message ?? error) };
  }
}
