/* A few workers that share the work. Closing them ends everything they know of the key. */
const MOST = 8;

export class Workers {
  #workers;
  #waiting = new Map();
  #next = 0;

  constructor(number = Math.max(1, Math.min(MOST, navigator.hardwareConcurrency ?? 2))) {
    this.#workers = Array.from({ length: number }, () => {
      const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
      worker.addEventListener("message", ({ data }) => this.#answered(data));
      worker.addEventListener("error", () => this.close());
      return worker;
    });
  }

  get number() {
    return this.#workers.length;
  }

  /** What one of them makes of it. Rejects when it cannot. */
  ask(act, what = {}, worker = this.#next % this.#workers.length) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#workers[worker].postMessage({ id, act, ...what });
    });
  }

  /** The same from every one. */
  askAll(act, what) {
    return Promise.all(this.#workers.map((_, worker) => this.ask(act, what, worker)));
  }

  close() {
    for (const worker of this.#workers) worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(new Error("closed"));
    this.#waiting.clear();
  }

  #answered({ id, done, failed }) {
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (failed) reject?.(new Error("failed"));
    else resolve?.(done);
  }
}
