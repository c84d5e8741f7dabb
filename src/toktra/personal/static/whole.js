/* The Streams API as far as age-encryption uses it, for bytes that are in memory already. Of the time that a record takes
   to open, the browser's own streams take more than half: each file is piped through three of them. For a worker's own
   global scope, since a library finds them there; nothing here touches a key or looks at what passes through. */

class WholeStream {
  #parts = [];

  constructor({ start } = {}) {
    start?.({ enqueue: (part) => this.#parts.push(part), close() {} });
  }

  getReader() {
    const parts = this.#parts;
    return { read: async () => (parts.length ? { done: false, value: parts.shift() } : { done: true }), releaseLock() {} };
  }

  pipeThrough(transform) {
    return new WholeStream({ start: ({ enqueue }) => transform.pass(this.#parts, { enqueue }) });
  }

  bytes() {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of this.#parts) {
      bytes.set(part, place);
      place += part.length;
    }
    return bytes;
  }
}

class WholeTransform {
  #how;

  constructor(how) {
    this.#how = how;
  }

  /** What it throws, whoever pipes through it gets. */
  pass(parts, controller) {
    const { start, transform = (part) => controller.enqueue(part), flush } = this.#how;
    start?.(controller);
    for (const part of parts) transform(part, controller);
    flush?.(controller);
  }
}

class WholeResponse {
  #stream;

  constructor(stream) {
    this.#stream = stream;
  }

  async arrayBuffer() {
    return this.#stream.bytes().buffer;
  }

  async text() {
    return new TextDecoder().decode(this.#stream.bytes());
  }
}

Object.assign(globalThis, { ReadableStream: WholeStream, TransformStream: WholeTransform, Response: WholeResponse });
