// What an experiment is: its question, its arms, whom it reaches, and how it is read.

import { Chip, html } from "./view.js";
import { amount, count, share, words } from "./format.js";

const STOPPING = {
  OBRIEN_FLEMING: "It is looked at daily. The bar for stopping early is high at first and comes down, so that looking early costs almost nothing.",
  POCOCK: "It is looked at daily, with the same bar at each look. It can stop sooner, and needs more units.",
  FIXED_HORIZON: "It is read once, when the planned number has been counted.",
};
const HARM = { STOP: "stops the experiment", PAUSE_ENROLMENT: "lets nobody new in", ALERT: "tells you" };

export function Design({ experiment, launch, open }) {
  const { hypothesis, variants, metrics, plan } = experiment;
  const primary = metrics.find((each) => each.role === "PRIMARY")?.metric;
  return html`
    <details class="card" open=${open}>
      <summary><h2>What it is</h2></summary>
      <dl class="facts">
        <div><dt>We expect</dt><dd>${hypothesis.statement}</dd></div>
        <div><dt>Smallest effect that matters</dt><dd>${smallest(hypothesis, primary)}</dd></div>
        <div><dt>Who is in it</dt><dd>${reach(experiment)}</dd></div>
        <div><dt>Planned number</dt><dd>${size(experiment, launch)}</dd></div>
        <div><dt>How it is read</dt><dd>${STOPPING[plan.stopping]} ${reading(plan)}</dd></div>
      </dl>
      <h3>Arms</h3>
      <ul class="arms">${variants.map((variant) => html`<${Arm} key=${variant.key} variant=${variant} />`)}</ul>
      <h3>Metrics</h3>
      <ul class="arms">${metrics.map((each) => html`<${Measured} key=${each.metric.key + each.role} measured=${each} />`)}</ul>
    </details>
  `;
}

// What the start will take, where nobody said how many.
function proposed({ plannedUnits }, { power, launchReadiness }) {
  const found = launchReadiness.groups.flatMap((group) => group.items).find((item) => item.code === "POWER");
  return !plannedUnits && ["OK", "WARNING"].includes(found?.status) ? power?.total : null;
}

/** How many units decide, in words; nothing where that is open. */
export function planned(experiment, launch) {
  if (experiment.plannedUnits) return `${count(experiment.plannedUnits)} ${units(experiment)}`;
  const total = proposed(experiment, launch);
  return total ? `${count(total)} ${units(experiment)}, as proposed,` : "";
}

function size(experiment, launch) {
  if (experiment.plannedUnits) return `${count(experiment.plannedUnits)} ${units(experiment)} in all arms`;
  const total = proposed(experiment, launch);
  return total ? `${count(total)} ${units(experiment)} in all arms are proposed; its start takes them unless you say otherwise` : "Not yet proposed";
}

export const units = (experiment) => (experiment.unit === "ACCOUNT" ? "accounts" : "users");

function smallest({ minimumEffect, direction, metricKey }, metric) {
  if (minimumEffect === null || !metric) return "Not yet said";
  const way = direction === "DECREASE" ? "down" : "up";
  return `${metric.name ?? metricKey} ${way} by ${amount(Math.abs(minimumEffect), metric)}`;
}

function reach({ coverage, targeting, layer, prerequisites, ...experiment }) {
  const who = targeting && Object.keys(targeting).length > 0 ? `${words(units(experiment))} that fit its targeting` : `All ${units(experiment)}`;
  const part = coverage < 1 ? `, ${share(coverage, 0)} of them` : "";
  const alone = layer ? `; nobody who is in another experiment of the layer “${layer.layer.name}”` : "";
  const after = prerequisites.length > 0 ? `; only those in ${prerequisites.map((each) => each.experimentKey).join(", ")}` : "";
  return `${who}${part}${alone}${after}.`;
}

function reading({ alpha, power, interim }) {
  const error = `It says “better” by mistake at most ${share(alpha, 0)} of the time, and finds the smallest effect that matters ${share(power, 0)} of the time.`;
  return interim ? error : `${error} The effect stays hidden until the end.`;
}

const Arm = ({ variant }) => html`
  <li>
    <strong>${variant.name}</strong> ${variant.isControl && html`<${Chip}>Control</${Chip}>`}
    <span class="quiet"> ${share(variant.weight, 0)} · ${payload(variant.payload)}</span>
  </li>
`;

function payload({ meter, value, flow, version, feature, disclosure }) {
  if (meter) return `${value === null ? "unlimited" : count(value)} ${meter}${disclosure ? `, people are told: “${disclosure.text}”` : ""}`;
  if (flow) return `flow ${flow}, version ${version}`;
  return JSON.stringify(feature);
}

function Measured({ measured: { role, margin, marginKind, harmAction, metric } }) {
  const limit = margin === null ? "no margin registered" : `may get worse by up to ${marginKind === "RELATIVE" ? share(margin) : amount(margin, metric)}`;
  return html`
    <li>
      <strong>${metric.name}</strong> <${Chip}>${words(role)}</${Chip}>
      <span class="quiet"> ${words(metric.kind)}, within ${metric.windowDays} ${metric.windowDays === 1 ? "day" : "days"}
        ${role === "GUARDRAIL" && html`; ${limit}; an alarm ${HARM[harmAction]}`}</span>
    </li>
  `;
}
