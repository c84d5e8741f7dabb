// Which provider host a name is, by the same rules as the agent's catalogue: an exact name, a name
// of one label more, or any name below a suffix.
import rules from "./rules.js";

const exact = new Set(rules.exact);
const suffixes = new Set(rules.suffixes);
const oneLabel = new Set(rules.one_label);
const leftOut = new Set(rules.left_out);

/** The URL filters for webRequest: the browser itself picks what is a use, by host and path. */
export const USES = [...rules.requests, ...rules.sockets];

/** The host as it is recorded, or null when it is no provider's. */
export function providerHost(name) {
  const host = name.toLowerCase().replace(/\.$/, "");
  if (leftOut.has(host)) return null;
  if (exact.has(host)) return host;
  if (oneLabel.has(host.slice(host.indexOf(".") + 1))) return host;
  for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
    if (suffixes.has(host.slice(dot + 1))) return host;
  }
  return null;
}
