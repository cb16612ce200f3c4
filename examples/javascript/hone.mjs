// A front-end that goes on when Hone does not answer: browser or Node, no dependencies.

const QUERY = `query ($subject: SubjectInput!) { assignments(subject: $subject) {
  assignments { experimentKey variant value inExperiment phase } } }`;
const BATCH = 500;
const BUFFERED = 5000;
const JSON_TYPES = "application/graphql-response+json, application/json";

// localStorage; where there is none a Map, which keeps nothing after this page or run.
function available() {
  try {
    if (typeof globalThis.localStorage?.getItem === "function") return globalThis.localStorage;
  } catch {
    // The page may not use it.
  }
  const kept = new Map();
  return { getItem: (name) => kept.get(name), setItem: (name, text) => kept.set(name, text) };
}

export class Hone {
  // `storage` has getItem and setItem. `onProblem` is told what the server refuses or rejects.
  constructor({ url, key, subject, defaults, storage = available(), timeout = 1000, onProblem = console.warn }) {
    Object.assign(this, { url, key, subject, defaults, storage, timeout, onProblem });
    this.served = new Map();
    this.exposed = new Set();
  }

  // Ask for everything once; false leaves cached and default values.
  async load() {
    try {
      const body = { query: QUERY, variables: { subject: this.subject } };
      const { data } = await this.#post("/graphql", body);
      const rows = data.assignments.assignments.filter((row) => row.variant !== null);
      this.served = new Map(rows.map((row) => [row.experimentKey, row]));
    } catch {
      return false;
    }
    const values = Object.fromEntries([...this.served].map(([key, row]) => [key, row.value]));
    this.#write("hone.values", { who: JSON.stringify(this.subject), values });
    return true;
  }

  // What to show; undefined if you declared no default. Only what the server said in this page view is an exposure.
  value(key) {
    const row = this.served.get(key);
    if (row === undefined) {
      const kept = this.#read("hone.values", {});
      const cached = kept.who === JSON.stringify(this.subject) ? kept.values : {};
      return key in cached ? cached[key] : this.defaults[key];
    }
    if (row.inExperiment && !this.exposed.has(key)) {
      this.exposed.add(key);
      this.track("$exposure", { experimentKey: key, variantKey: row.variant, phase: row.phase });
    }
    return row.value;
  }

  // Keep an event until it is sent; its id makes a repeat a duplicate.
  track(name, fields = {}) {
    const { attributes, ...ids } = this.subject;
    const event = { id: crypto.randomUUID(), name, at: new Date().toISOString(), ...ids, ...fields };
    this.#write("hone.events", [...this.#read("hone.events", []), event].slice(-BUFFERED));
  }

  // Send what is buffered; what was not acknowledged stays for the next time.
  flush() {
    this.flushing ??= this.#drain().finally(() => (this.flushing = undefined));
    return this.flushing;
  }

  async #drain() {
    for (let batch; (batch = this.#read("hone.events", []).slice(0, BATCH)).length > 0; ) {
      try {
        await this.#post("/v1/events", batch);
      } catch {
        return false;
      }
      const sent = new Set(batch.map((event) => event.id));
      this.#write("hone.events", this.#read("hone.events", []).filter(({ id }) => !sent.has(id)));
    }
    return true;
  }

  async #post(path, body) {
    const answer = await fetch(this.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: JSON_TYPES, "x-api-key": this.key },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(this.timeout),
    });
    if (!answer.ok) {
      if (answer.status < 500) this.onProblem(`Hone refused ${path}, ${answer.status}: ${await answer.text()}`);
      throw new Error(`Hone answered ${answer.status}`);
    }
    const said = await answer.json();
    for (const problem of [...(said.errors ?? []), ...(said.rejected ?? [])]) {
      this.onProblem(`Hone did not take ${path}: ${JSON.stringify(problem)}`);
    }
    return said;
  }

  #read(name, otherwise) {
    return JSON.parse(this.storage.getItem(name) ?? "null") ?? otherwise;
  }

  #write(name, content) {
    this.storage.setItem(name, JSON.stringify(content));
  }
}
