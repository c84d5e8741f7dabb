// The uses that wait for the agent, or for a place in this browser's own queue, kept in the session's memory: a worker that is
// put to sleep loses none, and closing the browser does not leave them on the disk.

export const MOST_WAITING = 1000;
export const AT_ONCE = 100;

export class Outbox {
  /**
   * `area` is chrome.storage.session, `send` hands a message to the agent and gives its answer; what `beside` gives is kept in
   * the same writes.
   */
  constructor(area, send, beside = () => ({})) {
    this.area = area;
    this.send = send;
    this.beside = beside;
    this.notTaken = 0;
    this.sending = null;
    this.isAskedAgain = false;
    this.loaded = area.get("waiting").then(({ waiting = [] }) => {
      this.waiting = waiting;
    });
  }

  /** Takes what there is room for, and counts the rest. It is kept by `keep`. */
  async put(uses) {
    await this.loaded;
    const taken = uses.slice(0, Math.max(0, MOST_WAITING - this.waiting.length));
    this.notTaken += uses.length - taken.length;
    this.waiting.push(...taken);
  }

  /** Forgets all that waits. */
  async clear() {
    await this.loaded;
    this.waiting = [];
    await this.keep();
  }

  /**
   * Hands over what waits. What the agent has answered for is gone; everything else stays for the next time. Asked again while
   * one attempt is unanswered, it makes another should that one fail: what came since is not to wait for the next use.
   */
  flush() {
    this.isAskedAgain = true;
    this.sending ??= this.hand().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  async hand() {
    await this.loaded;
    while (this.waiting.length > 0) {
      this.isAskedAgain = false;
      const uses = this.waiting.slice(0, AT_ONCE);
      const answer = await this.send({ kind: "uses", uses });
      if (answer.kind !== "state" && this.isAskedAgain) continue;
      if (answer.kind !== "state") return answer;
      this.waiting.splice(0, uses.length);
      await this.keep();
      if (this.waiting.length === 0) return answer;
    }
    return null;
  }

  async keep() {
    await this.loaded;
    await this.area.set({ ...this.beside(), waiting: this.waiting });
  }
}
