// What a browser without an agent keeps on its disk: one IndexedDB. Each change is whole or not at all, and is on the disk
// before anybody hears of it.

const STORES = ["kept", "waiting", "sent"];

export class Database {
  constructor(name = "toktra") {
    this.name = name;
    this.opened = null;
  }

  /** What is kept under a name. */
  async get(name) {
    const database = await this.open();
    return settled(database.transaction("kept").objectStore("kept").get(name));
  }

  /** `work` is given the stores by name, and may wait for nothing but them. Rejects, with nothing changed, when the disk is full. */
  async change(work) {
    const database = await this.open();
    const transaction = database.transaction(STORES, "readwrite", { durability: "strict" });
    const over = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error ?? new Error("the change was given up"));
    });
    over.catch(() => {}); // it is looked at below, or was thrown already
    let result;
    try {
      result = await work(Object.fromEntries(STORES.map((name) => [name, transaction.objectStore(name)])));
    } catch (error) {
      try {
        transaction.abort();
      } catch { /* it is over already */ }
      throw error;
    }
    await over;
    return result;
  }

  open() {
    this.opened ??= this.begin().catch((error) => {
      this.opened = null;
      throw error;
    });
    return this.opened;
  }

  async begin() {
    const asked = indexedDB.open(this.name, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("kept");
      asked.result.createObjectStore("waiting", { autoIncrement: true });
      asked.result.createObjectStore("sent", { autoIncrement: true });
    };
    const database = await settled(asked);
    database.onclose = () => {
      this.opened = null;
    };
    return database;
  }
}

/** A request to a store as a promise. */
export function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
