/* The owner's records as files, saved by the browser itself. */
const FACTS = ["at", "provider_host", "request_bytes", "response_bytes", "estimated_input_tokens", "estimated_output_tokens", "estimator_version"];

const facts = (use) => Object.fromEntries(FACTS.map((name) => [name, use[name]]));
const cell = (value) => {
  const text = String(value);
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no cell is a formula
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
};

export const asCsv = (uses) =>
  "\ufeff" + [FACTS, ...uses.map((use) => FACTS.map((name) => use[name]))].map((row) => row.map(cell).join(",") + "\r\n").join("");
export const asJson = (uses) => JSON.stringify({ records: uses.map(facts) }, null, 1) + "\n";

/** Offers content as a file. */
export function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
