// The launch checklist in its three groups, each item with what it rests on.

import { Chip, html } from "./view.js";
import { Action, may, reason, target } from "./actions.js";
import { count, instant } from "./format.js";
import { units } from "./design.js";
import { Evidence, called } from "./evidence.js";

const STATES = {
  OK: ["good", "Fine"],
  WARNING: ["warn", "Look at it"],
  BLOCKED: ["bad", "To settle"],
  WAITING: ["", "Being checked"],
  NOT_APPLICABLE: ["", "Does not apply"],
  WAIVED: ["warn", "Waived"],
};
const NOTES = { DECISION: "decision", ETHICS: "ethics", IDENTITY: "identity", SUPPORT: "support" };
const BEFORE = new Set(["DRAFT", "IN_REVIEW", "APPROVED", "SCHEDULED"]);

export function Readiness({ experiment, launch, refresh }) {
  const { launchReadiness } = launch;
  const items = launchReadiness.groups.flatMap((group) => group.items);
  if (items.length === 0) return null;
  const before = BEFORE.has(experiment.status);
  const left = items.filter((item) => item.blocking).length;
  return html`
    <details class="card" open=${before} id="readiness">
      <summary><h2>Before the start</h2><${Chip} tone=${left ? "bad" : "good"}>${left ? `${left} to settle` : before ? "Ready" : "As it was at the start"}</${Chip}></summary>
      ${launchReadiness.groups.map((group) => html`
        <section key=${group.group} aria-label=${group.title}>
          <h3 class="group">${group.title}</h3>
          <ul class="list checks">${sorted(group.items).map((item) => html`
            <${Item} key=${item.code} item=${item} experiment=${experiment} notes=${launch.launchNotes} power=${launch.power} before=${before} refresh=${refresh} />`)}
          </ul>
        </section>
      `)}
    </details>
  `;
}

const ORDER = ["BLOCKED", "WAITING", "WARNING", "WAIVED", "OK", "NOT_APPLICABLE"];
const sorted = (items) => items.toSorted((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));

function Item({ item, experiment, notes, power, before, refresh }) {
  const unseen = !before && item.status === "WAITING";
  const [tone, word] = unseen ? ["", "Not checked"] : STATES[item.status];
  const editable = before && may("editor");
  const evidence = Object.entries(item.evidence ?? {});
  return html`
    <li>
      <div class="check-head"><strong>${item.title}</strong><${Chip} tone=${tone}>${word}</${Chip}></div>
      <p>${unseen ? "It was not checked before the start." : item.message}</p>
      ${item.waiver && html`<p class="quiet small">${item.waiver.actor} let it pass on ${instant(item.waiver.at)}: “${item.waiver.reason}”</p>`}
      ${evidence.length > 0 && html`
        <details class="more"><summary>What this rests on</summary>
          <${Evidence} entries=${evidence} called=${called(experiment)} /><p class="quiet small">Looked at ${instant(item.evaluatedAt)}</p>
        </details>`}
      ${editable && html`<div class="buttons">
        ${item.code === "POWER" && html`<${Size} experiment=${experiment} power=${power} refresh=${refresh} />`}
        ${item.code === "METRICS" && html`<${Margins} experiment=${experiment} refresh=${refresh} />`}
        ${NOTES[item.code] && html`<${Note} what=${NOTES[item.code]} experiment=${experiment} notes=${notes} refresh=${refresh} />`}
        ${item.waivable && !item.waiver && html`
          <${Action} name="waive" label="Let it pass" send="Let it pass" onDone=${refresh}
            about="It then no longer stands in the way. Your name and your reason are kept, and shown in the decision’s memo."
            fields=${[reason("What makes it acceptable here.")]}
            input=${(values) => ({ ...target(experiment), item: item.code, reason: values.reason })} />`}
        ${item.waiver && html`
          <${Action} name="withdraw-waiver" label="Check it after all" onDone=${refresh}
            input=${() => ({ ...target(experiment), item: item.code })} />`}
      </div>`}
    </li>
  `;
}

// Questions that only a person can answer are answered here.
const QUESTIONS = {
  decision: ["Name who decides", (notes) => [
    { name: "decider", label: "Who decides in the end?", value: notes.decider },
    { name: "decisionDate", label: "By when?", type: "date", value: notes.decisionDate ?? "" },
  ]],
  ethics: ["Say why it is fair", (notes) => [
    { name: "ethics", label: "Why is it fair to those who are in it, and what of them is read?", type: "long", value: notes.ethics },
  ]],
  identity: ["Say how ids are linked", (notes) => [
    { name: "identity", label: "How is a visitor’s id linked to the user’s?", type: "long", value: notes.identity },
  ]],
  support: ["Say who was told", (notes) => [
    { name: "supportBriefed", label: "Who in support was told what?", type: "long", value: notes.supportBriefed },
  ]],
};

function Note({ what, experiment, notes, refresh }) {
  const [label, fields] = QUESTIONS[what];
  return html`
    <${Action} name="note-launch" label=${label} send="Save" fields=${fields(notes)} onDone=${refresh}
      input=${(values) => ({ experiment: { key: experiment.key }, expectedVersion: notes.version, ...values })} />
  `;
}

// How many units decide, as it was worked out or as somebody says.
function Size({ experiment, power, refresh }) {
  const proposed = power ? String(power.total) : "";
  const field = {
    name: "plannedUnits", label: `How many ${units(experiment)}, in all arms?`, type: "number", min: 2, max: 2_000_000_000,
    value: experiment.plannedUnits ? String(experiment.plannedUnits) : proposed,
    help: proposed ? `Worked out below: ${count(proposed)}.` : "Work it out below, under “How long it takes”.",
  };
  return html`
    <${Action} key=${field.value} name="update" label=${experiment.plannedUnits ? "Change how many" : "Say how many"} send="Save" fields=${[field]} onDone=${refresh}
      input=${({ plannedUnits }) => ({ ...target(experiment), plannedUnits: Number(plannedUnits) })} />
  `;
}

// How much worse each guardrail may get, as a share of the control's value.
function Margins({ experiment, refresh }) {
  const guardrails = experiment.metrics.filter((each) => each.role === "GUARDRAIL");
  if (guardrails.length === 0) return null;
  const fields = guardrails.map(({ metric, margin, marginKind }) => ({
    name: metric.key, label: `${metric.name}: at most how many per cent worse?`, type: "number", min: 0.1, max: 100, step: 0.1, required: false,
    value: margin !== null && marginKind === "RELATIVE" ? String(margin * 100) : "",
    help: metric.direction === "DECREASE" ? "It gets worse by going up." : "It gets worse by going down.",
  }));
  const input = (values) => ({
    ...target(experiment),
    metrics: experiment.metrics.map(({ metric, role, margin, marginKind, harmAction }) => {
      const said = role === "GUARDRAIL" && values[metric.key] !== "";
      return { metricKey: metric.key, role, harmAction, ...(said ? { margin: Number(values[metric.key]) / 100, marginKind: "RELATIVE" } : { margin, marginKind }) };
    }),
  });
  return html`<${Action} name="update" label="Set margins" send="Save" fields=${fields} input=${input} onDone=${refresh}
    about="The loss that you would still accept. The experiment then has to show that it loses less." />`;
}
