// What a person can do here: a button, what it asks for, and what came of it.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { html } from "./view.js";
import { ask } from "./graphql.js";

const RANKS = ["viewer", "researcher", "editor", "reviewer", "operator", "admin"];
const role = document.querySelector(".person")?.dataset.role ?? "viewer";

/** Whether the reader's role is at least this one. The API decides; this only hides. */
export const may = (least) => RANKS.indexOf(role) >= RANKS.indexOf(least);

/** Whether the API lets the reader take a step now. */
export const allowed = (experiment, step) =>
  experiment.steps.some((each) => each.step === step && each.allowed);

/** Why not, in the API's words. */
export const because = (experiment, step) =>
  experiment.steps.find((each) => each.step === step)?.because ?? "";

/** What names the experiment, at the version that was read. */
export const target = (experiment) => ({
  experiment: { key: experiment.key },
  expectedVersion: experiment.version,
});

/** Send one step; a refusal is thrown in the API's words. */
export async function take(name, input) {
  const data = await ask(`steps/${name}`, { input });
  const [answer] = Object.values(data);
  if (answer.code) throw new Refusal(answer);
  return answer;
}

class Refusal extends Error {
  constructor({ message, code, items }) {
    super(message);
    this.code = code;
    this.items = items ?? [];
  }
}

// The same content is sent under the same key, so that a repeat changes nothing;
// other content is another request.
function useKey() {
  const sent = useRef({ content: null, key: null });
  return (input) => {
    const content = JSON.stringify(input);
    if (sent.current.content !== content) sent.current = { content, key: crypto.randomUUID() };
    return sent.current.key;
  };
}

/**
 * A button that takes a step. With `fields` it first opens a form that asks for them;
 * `input` makes the mutation's input from what was filled in.
 */
export function Action({ name, label, input, fields = [], primary, danger, about, send, onDone, open = false }) {
  const [opened, setOpened] = useState(open);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(null);
  const keyed = useKey();
  const opener = useRef(null);
  const submit = async (values) => {
    const content = input(values);
    setBusy(true);
    setRefusal(null);
    try {
      const answer = await take(name, { ...content, idempotencyKey: keyed(content) });
      keyed(null);
      if (!open) setOpened(false);
      await onDone?.(answer);
    } catch (error) {
      setRefusal(error);
    } finally {
      setBusy(false);
    }
  };
  const cancelled = useRef(false);
  useEffect(() => {
    if (!opened && cancelled.current) opener.current?.focus();
    cancelled.current = false;
  }, [opened]);
  const close = () => {
    cancelled.current = true;
    setOpened(false);
    setRefusal(null);
  };
  if (opened) {
    return html`<div class="asked"><${Form} label=${send ?? label} title=${open ? null : label} about=${about} fields=${fields} primary=${!danger}
      danger=${danger} busy=${busy} refusal=${refusal} onSubmit=${submit} onCancel=${open ? null : close} /></div>`;
  }
  const press = () => (fields.length > 0 || about ? setOpened(true) : submit({}));
  return html`
    <div class="action">
      <button ref=${opener} class=${primary ? "primary" : danger ? "danger" : ""} disabled=${busy} onClick=${press}>${label}</button>
      ${refusal && html`<${Refused} refusal=${refusal} />`}
    </div>
  `;
}

function Form({ label, title, about, fields, primary, danger, busy, refusal, onSubmit, onCancel }) {
  const [values, setValues] = useState(() =>
    Object.fromEntries(fields.map(({ name, value, type }) => [name, value ?? (type === "checkbox" ? false : "")])),
  );
  const form = useRef(null);
  useEffect(() => {
    if (onCancel) form.current.querySelector("input, textarea, select, button")?.focus();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    onSubmit(values);
  };
  const escape = (event) => {
    if (event.key !== "Escape" || !onCancel) return;
    event.stopPropagation();
    onCancel();
  };
  const shown = fields.filter((field) => !field.when || field.when(values));
  return html`
    <form class="ask" ref=${form} onSubmit=${submit} onKeyDown=${escape} aria-label=${title ?? label}>
      ${title && html`<h3>${title}</h3>`}
      ${about && html`<p class="quiet">${about}</p>`}
      ${shown.map((field) => field.type === "note" ? html`<${Note} key=${field.name} text=${field.text} />` : html`<${Field} key=${field.name} field=${field} value=${values[field.name]}
        onInput=${(value) => setValues((known) => ({ ...known, [field.name]: value }))} />`)}
      <div class="buttons">
        <button class=${danger ? "danger" : primary ? "primary" : ""} disabled=${busy}>${label}</button>
        ${onCancel && html`<button type="button" class="plain" onClick=${onCancel}>Cancel</button>`}
      </div>
      ${refusal && html`<${Refused} refusal=${refusal} />`}
    </form>
  `;
}

function Field({ field, value, onInput }) {
  const id = useId();
  const { label, type = "text", help, required = true, options, ...rest } = field;
  const described = help ? `${id}-help` : undefined;
  const typed = (event) => onInput(type === "checkbox" ? event.target.checked : event.target.value);
  const common = { id, required, "aria-describedby": described, onInput: typed };
  const note = help && html`<small class="quiet" id=${described}>${help}</small>`;
  if (type === "checkbox") {
    return html`<div class="field check"><input ...${common} type="checkbox" checked=${value} /><label for=${id}>${label}</label>${note}</div>`;
  }
  return html`
    <div class="field">
      <label for=${id}>${label}${!required && html` <span class="quiet">(optional)</span>`}</label>
      ${type === "long"
        ? html`<textarea ...${common} rows=${rest.rows ?? 3} maxlength=${rest.maxlength ?? 2000} value=${value}></textarea>`
        : type === "choice"
          ? html`<select ...${common} value=${value}>${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`
          : html`<input ...${common} type=${type} value=${value} min=${rest.min} max=${rest.max} step=${rest.step} />`}
      ${note}
    </div>
  `;
}

// What one has to know of what was chosen.
const Note = ({ text }) => html`<p class="note">${text}</p>`;

const Refused = ({ refusal }) => html`
  <div class="refused" role="alert">
    <p>${refusal.message}</p>
    ${refusal.code === "STALE_VERSION" && html`<p>Somebody changed it while you were reading. <button type="button" class="plain" onClick=${() => location.reload()}>Read it again</button></p>`}
  </div>
`;

/** The field that most steps ask for. */
export const reason = (help, label = "Why?") => ({ name: "reason", label, type: "long", help });
