// What came of the experiment, in one sentence.

import { Chip, html } from "./view.js";
import { words } from "./format.js";

const TONES = {
  SHIP: "good",
  DONT_SHIP: "bad",
  INVALID: "warn",
  NO_MEANINGFUL_DIFFERENCE: "",
  KEEP_RUNNING: "",
  INCONCLUSIVE: "",
};
export const STATUS_TONES = { RUNNING: "good", PAUSED: "warn" };

export function Title({ experiment, state }) {
  return html`
    <p class="crumb"><a href="/console">Experiments</a> / ${experiment.key}</p>
    <div class="title">
      <h1>${experiment.name}</h1>
      <${Chip} tone=${STATUS_TONES[experiment.status]}>${words(experiment.status)}</${Chip}>
      <span class=${`state ${state}`} role="status">${state === "live" ? "Live" : "Reconnecting"}</span>
    </div>
    <p class="hypothesis">${experiment.hypothesis.statement}</p>
  `;
}

export function Headline({ results, decision }) {
  const { outcome, reasons } = results.recommendation;
  return html`
    <section class=${`card headline ${TONES[outcome] ?? ""}`} aria-live="polite">
      <div class="labels">
        <${Chip} tone=${TONES[outcome]}>${words(outcome)}</${Chip}>
        ${decision && html`<${Chip}>Decided: ${words(decision.outcome)}</${Chip}>`}
      </div>
      <p class="sentence" id="headline">${results.headline}</p>
      ${reasons.length > 0 && html`<ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
    </section>
  `;
}
