/* Asks the service, as the owner of a mailbox. Nothing is sent but its secret and what is sealed. */
import { _ } from "./words.js";

export class NotAnswered extends Error {}

const AT_ONCE = 80;
const OPENED_AT_ONCE = 30;

export class Mailbox {
  #secret;

  constructor(secret) {
    this.#secret = secret;
  }

  /** Its records, page by page. Throws NotAnswered with a sentence. */
  async *pages() {
    let after = "";
    do {
      const page = await (await this.#ask("GET", `/records${after && `?after=${encodeURIComponent(after)}`}`)).json();
      yield page.records;
      after = page.next ?? "";
    } while (after);
  }

  async replace(records) {
    for (let first = 0; first < records.length; first += AT_ONCE) {
      await this.#ask("PUT", "/records", JSON.stringify(records.slice(first, first + AT_ONCE)));
    }
  }

  async delete() {
    await this.#ask("DELETE", "");
  }

  async #ask(method, path, body) {
    let answer;
    try {
      answer = await fetch(`/v1/mailbox${path}`, {
        method, body, cache: "no-store", credentials: "omit", redirect: "error",
        headers: { authorization: `Bearer ${this.#secret}`, ...(body && { "content-type": "application/json" }) },
      });
    } catch {
      throw new NotAnswered(_("The service cannot be reached. Your records are as they were. Try again later."));
    }
    if (answer.ok) return answer;
    if (answer.status === 404) {
      throw new NotAnswered(_("There is no ledger for this key. It is opened on the first Monday after you joined, or it was deleted."));
    }
    if (answer.status === 429) {
      throw new NotAnswered(_("Your ledger was asked for too often. Your records are as they were. Try again in an hour."));
    }
    throw new NotAnswered(_("The service takes nothing now ({status}). Your records are as they were. Try again later.", { status: answer.status }));
  }
}

/** All uses in a mailbox, newest first. `told(opened)` is called as it goes on. */
export async function openAll(mailbox, workers, told) {
  const uses = [];
  let opened = 0, unopened = 0;
  const parts = [];
  for await (const records of mailbox.pages()) {
    for (let first = 0; first < records.length; first += OPENED_AT_ONCE) {
      const part = records.slice(first, first + OPENED_AT_ONCE);
      parts.push(workers.ask("open", { records: part }).then((done) => {
        uses.push(...done.uses);
        unopened += done.unopened;
        told(opened += part.length);
      }));
    }
  }
  await Promise.all(parts);
  uses.sort((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0));
  return { uses, unopened, opened };
}
