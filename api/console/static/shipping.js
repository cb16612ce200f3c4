// Shipping what was decided: a preview first, then a rollout in steps, and its way back.

import { useState } from "preact/hooks";
import { Chip, html } from "./view.js";
import { Action, allowed, may, reason, target } from "./actions.js";
import { amount, change, count, day, instant, probability, share, words } from "./format.js";

const RAMPS = {
  "0.1,0.5,1": "10%, then 50%, then everyone",
  "0.5,1": "50%, then everyone",
  "1": "Everyone at once",
};

const named = ({ variants }, key) => variants.find((each) => each.key === key)?.name ?? key;

function primary({ results, metrics }) {
  const shown = results?.metrics.find((each) => each.role === "PRIMARY");
  return shown ?? metrics.find((each) => each.role === "PRIMARY")?.metric;
}

export function Ship({ experiment, refresh }) {
  const [preview, setPreview] = useState(null);
  const { decision } = experiment;
  if (decision?.outcome !== "SHIP" || !allowed(experiment, "SHIP")) return null;
  const fields = [
    { name: "holdback", label: "Who keeps the control, to see later whether it still works", type: "choice", value: "0.05",
      options: [["0", "Nobody"], ["0.02", "2% of everyone"], ["0.05", "5% of everyone"], ["0.1", "10% of everyone"]],
      help: "Only people who had the control in the test are held back; nobody loses the new variant." },
    { name: "steps", label: "How fast", type: "choice", options: Object.entries(RAMPS), value: "0.1,0.5,1" },
    { name: "holdHours", label: "Hours between the steps", type: "number", min: 1, max: 720, value: "24" },
  ];
  const plan = ({ holdback, steps, holdHours }) => ({
    ...target(experiment), variant: decision.variant, holdback: Number(holdback),
    steps: steps.split(",").map(Number), rampTo: 1, holdHours: Number(holdHours),
  });
  let asked = null;
  const input = (values) => (asked = plan(values));
  return html`
    <${Action} name="preview-ship" label="Preview shipping" send="Show what would happen" primary=${!preview} fields=${fields} input=${input}
      about="Nothing is shipped by looking." onDone=${(answer) => setPreview({ ...answer, plan: asked })} />
    ${preview && html`<${Preview} key=${preview.token} experiment=${experiment} preview=${preview} refresh=${refresh} />`}
  `;
}

const BASIS = {
  HOLDBACK: "It can be measured again later, against those who are held back",
  OBSERVATIONAL: "Without a holdback, what is measured later only compares before with after, and other things change too",
  CANNOT_MEASURE: "It cannot be measured again later: too few people would be held back to see anything",
};

function Preview({ experiment, preview: { token, expiresAt, preview, plan }, refresh }) {
  const metric = primary(experiment);
  const { measurement, minimumEffect, shippedEffect, warnings } = preview;
  return html`
    <section class="preview" aria-label="What shipping would do" tabindex="-1" ref=${(element) => element?.focus()}>
      <h3>What shipping “${named(experiment, preview.variant)}” would do</h3>
      <dl class="facts">
        <div><dt>Get another variant than they had</dt><dd>${count(preview.wouldChange)} of the ${count(preview.exposed.reduce((sum, arm) => sum + Number(arm.exposed), 0))} who were in the test</dd></div>
        <div><dt>Held back</dt><dd>${share(preview.heldBackShare)} of everyone${Number(preview.heldBackUnits) > 0 ? `; ${count(preview.heldBackUnits)} of those in the test` : ""}</dd></div>
        <div><dt>Steps</dt><dd>${preview.steps.map((each) => share(each, 0)).join(", then ")}, each held ${count(plan.holdHours)} hours</dd></div>
        ${preview.counts.map((each) => html`<div key=${each.name}><dt>${words(each.name)}</dt><dd>${count(each.count)}</dd></div>`)}
        <div><dt>Measured again</dt><dd>
          <${Chip} tone=${measurement === "HOLDBACK" ? "good" : "warn"}>${words(measurement)}</${Chip}> ${BASIS[measurement]}.
          ${minimumEffect !== null && html` After ${preview.sightDays} days it would show a difference from ${amount(minimumEffect, metric)} up${Number.isFinite(shippedEffect) ? `; the experiment found ${change(shippedEffect, metric)}` : ""}.`}
        </dd></div>
      </dl>
      ${warnings.length > 0 && html`<ul class="warnings">${warnings.map((warning) => html`<li>${warning}</li>`)}</ul>`}
      <p class="quiet small">This preview holds until ${instant(expiresAt)}.</p>
      ${token && html`<${Action} name="ship" label=${`Ship “${named(experiment, preview.variant)}”`} primary onDone=${refresh} input=${() => ({ ...plan, token })} />`}
    </section>
  `;
}

export function Shipment({ experiment, refresh }) {
  const { shipment, status } = experiment;
  if (!shipment) return null;
  const here = target(experiment);
  const rolling = status === "SHIPPING";
  const metric = primary(experiment);
  return html`
    <section class="card" aria-labelledby="shipment">
      <h2 id="shipment">${shipment.rolledBackAt ? "It was shipped, and rolled back" : shipment.completedAt ? "Shipped" : "Being shipped"}</h2>
      <p>${progress(shipment, named(experiment, shipment.variant))}</p>
      <ol class="steps across">${shipment.steps.map((step) => html`
        <li key=${step} aria-current=${step === shipment.share && !shipment.rolledBackAt ? "step" : undefined}>${share(step, 0)}</li>`)}</ol>
      <div class="buttons">
        ${rolling && may("editor") && html`
          <${Action} name="advance-rollout" label="Go on to the next step now" onDone=${refresh} input=${() => here} />`}
        ${rolling && !shipment.heldReason && may("operator") && html`
          <${Action} name="hold-rollout" label="Hold it here" onDone=${refresh} about="Nobody loses the variant; it goes no further until somebody goes on."
            fields=${[reason("Shown here.")]} input=${({ reason: why }) => ({ ...here, reason: why })} />`}
        ${allowed(experiment, "ROLL_BACK") && html`
          <${Action} name="roll-back" label="Roll back" danger onDone=${refresh} about="Everyone gets the control again, at once."
            fields=${[reason("Kept in the audit trail.")]} input=${({ reason: why }) => ({ ...here, reason: why })} />`}
      </div>
      ${shipment.remeasures.length > 0 && html`
        <h3>Does it still work?</h3>
        <ul class="list">${shipment.remeasures.map((each) => html`<${Again} key=${each.day} measured=${each} metric=${metric} />`)}</ul>`}
    </section>
  `;
}

function progress({ share: now, holdback, nextAt, heldReason, completedAt, rolledBackAt, rolledBackReason }, name) {
  if (rolledBackAt) return `Since ${instant(rolledBackAt)} everyone has the control: ${rolledBackReason}`;
  const kept = holdback > 0 ? ` ${share(holdback)} of everyone keeps the control, to measure it again.` : " Nobody is held back.";
  if (completedAt) return `“${name}” went to everyone on ${day(completedAt)}.${kept}`;
  if (heldReason) return `Held at ${share(now, 0)}: ${heldReason}.${kept}`;
  return `${share(now, 0)} of everyone gets “${name}”; the next step is due ${instant(nextAt)}.${kept}`;
}

function Again({ measured, metric }) {
  const { day: after, dueAt, doneAt, basis, absolute, ciLow, ciHigh, pValue, controlUnits, treatmentUnits, note } = measured;
  if (!doneAt) return html`<li><strong>Day ${after}</strong> <span class="quiet">due ${instant(dueAt)}</span></li>`;
  const known = Number.isFinite(absolute);
  return html`
    <li>
      <strong>Day ${after}</strong> <${Chip} tone=${basis === "HOLDBACK" ? "good" : "warn"}>${words(basis)}</${Chip}>
      ${known && html` ${change(absolute, metric)} (${change(ciLow, metric)} to ${change(ciHigh, metric)}), p ${probability(pValue)}, ${count(treatmentUnits)} against ${count(controlUnits)} units.`}
      ${note && html`<p class="quiet">${note}</p>`}
    </li>
  `;
}
