// From the browser's events about one request to one use: host, begin, end, sizes where they are known, streamed or not.
// Of a URL nothing but the host is read; of the headers two: content-type and content-length; of a server's address whether there is one.
import { providerHost } from "./hosts.js";

export const MOST_OPEN = 2000;
const STREAMED = /^(text\/event-stream|application\/(x-)?ndjson|application\/grpc|application\/connect\+|application\/jsonl|application\/vnd\.amazon\.eventstream)/i;

export class Requests {
  /** `open` is what `entries` gave before the worker was put to sleep. */
  constructor(open = []) {
    this.open = new Map(open);
    this.notTaken = 0; // more at once than anybody's use of AI
    this.changes = 0; // how often what is open changed, so that nothing is kept for nothing
  }

  entries() {
    return [...this.open];
  }

  begun({ requestId, url, method, type, timeStamp }) {
    if (type !== "websocket" && method !== "POST") return;
    const host = providerHost(new URL(url).hostname);
    if (host === null || this.open.has(requestId)) return; // a redirect keeps its first begin
    if (this.open.size >= MOST_OPEN) {
      this.notTaken += 1;
      return;
    }
    this.changes += 1;
    this.open.set(requestId, { host, started_at: timeStamp / 1000, response_bytes: null, streamed: type === "websocket", answered: false });
  }

  /** Told only by browsers that would not say with a request's end whether an answer had begun. */
  answered({ requestId, responseHeaders }) {
    const request = this.open.get(requestId);
    if (!request) return;
    this.changes += 1;
    request.answered = true;
    readHeaders(request, responseHeaders);
  }

  /** The use that is over, or null when it is none of ours. */
  ended({ requestId, timeStamp, responseHeaders, requestSize, responseSize }) {
    const request = this.open.get(requestId);
    if (!request) return null;
    this.changes += 1;
    readHeaders(request, responseHeaders);
    this.open.delete(requestId);
    return {
      id: crypto.randomUUID(),
      host: request.host,
      started_at: request.started_at,
      ended_at: Math.max(request.started_at, timeStamp / 1000),
      request_bytes: size(requestSize),
      response_bytes: size(responseSize) ?? request.response_bytes,
      streamed: request.streamed,
    };
  }

  /**
   * As `ended`, for a request that broke off. Before an answer began it was no use: Chrome knows a server's address only by its
   * answer, and all that is asked here is whether there is one.
   */
  brokeOff(details, isAddressOfAnswer) {
    const answered = this.open.get(details.requestId)?.answered || (isAddressOfAnswer && details.ip !== undefined);
    const use = this.ended(details);
    return answered ? use : null;
  }
}

function readHeaders(request, headers = []) {
  request.streamed ||= STREAMED.test(header(headers, "content-type"));
  const length = header(headers, "content-length");
  if (/^\d{1,15}$/.test(length)) request.response_bytes = Number(length);
}

function header(headers, name) {
  return headers.find((one) => one.name.toLowerCase() === name)?.value ?? "";
}

/** A size the browser tells with a request's end: Firefox may, though often it says 0, which is none; Chrome does not. */
function size(value) {
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}
