// What an item of the checklist rests on, whatever its fields are.

import { html } from "./view.js";
import { count, instant, share, words } from "./format.js";

const MOST_ROWS = 30;

/** The names of metrics and arms, by key: evidence is told with them. */
export const called = ({ metrics, variants }) =>
  new Map([...variants.map(({ key, name }) => [key, name]), ...metrics.map(({ metric }) => [metric.key, metric.name])]);

/** Everything that was found, by name. */
export const Evidence = ({ entries, called }) => html`
  <dl class="facts small">${entries.map(([name, value]) => html`<div key=${name}><dt>${called.get(name) ?? named(name)}</dt><dd>${told(value, name, called)}</dd></div>`)}</dl>
`;

const named = (name) => words(name.replaceAll(/([a-z])([A-Z])/g, "$1_$2"));

const ENUM = /^[A-Z]+(_[A-Z]+)*$/;

function told(value, name, called) {
  if (value === null || value === undefined || value === "") return "\u2013";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") {
    if (/share|rate|fraction/i.test(name) && Math.abs(value) <= 1) return share(value);
    return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
  }
  if (typeof value === "string") return spelt(value, called);
  if (Array.isArray(value)) {
    if (value.length === 0) return "none";
    if (value.every((each) => typeof each !== "object")) return value.map((each) => told(each, name, called)).join(", ");
    return html`<${Rows} rows=${value.slice(0, MOST_ROWS)} name=${name} called=${called} />`;
  }
  const entries = Object.entries(value);
  return entries.length === 0 ? "none" : html`<${Evidence} entries=${entries} called=${called} />`;
}

function spelt(text, called) {
  if (/^\d{4}-\d\d-\d\dT/.test(text)) return instant(text);
  return called.get(text) ?? (ENUM.test(text) ? words(text) : text);
}

// Records of one kind are a table; its columns are their fields.
function Rows({ rows, name, called }) {
  const columns = Array.isArray(rows[0]) ? null : Object.keys(rows[0]);
  const cell = (value, column) => html`<td>${told(value, column ?? name, called)}</td>`;
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label=${named(name)}>
      <table class="small">
        ${columns && html`<thead><tr>${columns.map((column) => html`<th scope="col">${called.get(column) ?? named(column)}</th>`)}</tr></thead>`}
        <tbody>${rows.map((row) => html`<tr>${columns ? columns.map((column) => cell(row[column], column)) : row.map((value) => cell(value))}</tr>`)}</tbody>
      </table>
    </div>
  `;
}
