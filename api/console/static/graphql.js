// Hone's own API, as any client speaks it: queries by POST, subscriptions over
// graphql-transport-ws. The documents are files in api/console/queries/pages.

const ENDPOINT = "/graphql";
const documents = new Map();

/** The text of one of the console's operations, fetched once. */
export function load(name) {
  if (!documents.has(name)) {
    const text = fetch(`/console/queries/pages/${name}.graphql`).then((response) => {
      if (!response.ok) throw new Error(`${name}.graphql: ${response.status}`);
      return response.text();
    });
    documents.set(name, text);
  }
  return documents.get(name);
}

/** The data of a query or mutation; errors are thrown with their messages. */
export async function ask(name, variables = {}) {
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json",
      "content-type": "application/json",
    },
    body: JSON.stringify({ query: await load(name), variables }),
  });
  if (response.status === 401) location.assign("/console/sign-in");
  const { data, errors } = await response.json();
  if (errors?.length) throw new Error(errors.map((error) => error.message).join(" "));
  return data;
}

/**
 * One WebSocket for all subscriptions of a page. It reconnects by itself, more and
 * more slowly, and subscribes again to what is still wanted.
 */
export class Subscriptions {
  #socket = null;
  #ready = false;
  #wanted = new Map();
  #next = 1;
  #failures = 0;
  #onState;

  constructor(onState = () => {}) {
    this.#onState = onState;
  }

  /** Call `sink.next` with each result until the returned function is called. */
  subscribe(payload, sink) {
    const id = String(this.#next++);
    this.#wanted.set(id, { payload, sink });
    if (this.#ready) this.#send({ id, type: "subscribe", payload });
    else this.#connect();
    return () => {
      if (!this.#wanted.delete(id)) return;
      if (this.#ready) this.#send({ id, type: "complete" });
      if (this.#wanted.size === 0) this.#socket?.close(1000);
    };
  }

  #connect() {
    if (this.#socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const url = `${scheme}//${location.host}${ENDPOINT}`;
    this.#socket = new WebSocket(url, "graphql-transport-ws");
    this.#socket.onopen = () => this.#send({ type: "connection_init" });
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    this.#socket.onclose = () => this.#closed();
  }

  #receive({ id, type, payload }) {
    const wanted = this.#wanted.get(id);
    if (type === "connection_ack") {
      this.#ready = true;
      this.#failures = 0;
      this.#onState("live");
      for (const [key, { payload: body }] of this.#wanted) {
        this.#send({ id: key, type: "subscribe", payload: body });
      }
    } else if (type === "ping") {
      this.#send({ type: "pong" });
    } else if (wanted && type === "next") {
      wanted.sink.next(payload);
    } else if (wanted && (type === "error" || type === "complete")) {
      this.#wanted.delete(id);
      if (type === "error") wanted.sink.error?.(payload);
      else wanted.sink.complete?.();
    }
  }

  #closed() {
    this.#socket = null;
    this.#ready = false;
    if (this.#wanted.size === 0) return;
    this.#onState("reconnecting");
    const pause = Math.min(30_000, 500 * 2 ** this.#failures++);
    setTimeout(() => this.#connect(), pause * (0.5 + Math.random() / 2));
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }
}
