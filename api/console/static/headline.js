// What came of the experiment, in one sentence.

import { Chip, html } from "./view.js";
import { typeset, words } from "./format.js";
import { isKilled } from "./killswitch.js";

const TONES = {
  SHIP: "good",
  DONT_SHIP: "bad",
  INVALID: "warn",
  NO_MEANINGFUL_DIFFERENCE: "",
  KEEP_RUNNING: "",
  INCONCLUSIVE: "",
};
const STATUS_TONES = {
  IN_REVIEW: "warn",
  RUNNING: "good",
  PAUSED: "warn",
  SHIPPING: "good",
  SHIPPED: "good",
  MEASURED: "good",
  INVALIDATED: "bad",
};
const DECIDED = new Set(["DECIDED", "SHIPPING", "SHIPPED", "MEASURED", "ARCHIVED", "INVALIDATED"]);
const UNDER_WAY = { STOPPED: "Stopped before there was an answer" };

/** Where an experiment stands, and whether a kill switch holds it there. */
export const State = ({ experiment }) => html`
  <${Chip} tone=${STATUS_TONES[experiment.status]}>${words(experiment.status)}</${Chip}>
  ${isKilled(experiment) && html` <${Chip} tone="bad">Kill switch</${Chip}>`}
`;

export function Title({ experiment, environment, state }) {
  return html`
    <p class="crumb"><a href="/console">Experiments</a> / ${experiment.key}</p>
    <div class="title">
      <h1>${experiment.name}</h1>
      <${State} experiment=${experiment} />
      ${!environment.production && html`<${Chip} tone="warn">${environment.name}</${Chip}>`}
      <span class=${`state ${state}`} role="status">${state === "live" ? "Live" : "Reconnecting"}</span>
    </div>
    <p class="hypothesis">${experiment.hypothesis.statement}</p>
  `;
}

// After a decision the recommendation is history: it is told as what was recommended.
export function Headline({ results, experiment }) {
  const { outcome, reasons } = results.recommendation;
  const decided = DECIDED.has(experiment.status);
  const going = outcome === "KEEP_RUNNING";
  const label = going && UNDER_WAY[experiment.status] ? UNDER_WAY[experiment.status] : words(outcome);
  const phase = experiment.phases.at(-1);
  return html`
    <section class=${`card headline ${decided ? "" : (TONES[outcome] ?? "")}`} aria-live="polite" aria-label="What it says">
      <div class="labels">
        ${decided
          ? html`<h2>What was found</h2>${!going && html`<${Chip} tone=${TONES[outcome]}>Recommended: ${words(outcome)}</${Chip}>`}`
          : html`<${Chip} tone=${TONES[outcome]}>${label}</${Chip}>`}
        ${phase?.reviewed === false && html`<${Chip} tone="warn">Not reviewed</${Chip}>`}
      </div>
      <p class="sentence" id="headline">${typeset(results.headline)}</p>
      ${reasons.length > 0 && !(decided && going) && html`<ul>${reasons.map((reason) => html`<li>${typeset(reason)}</li>`)}</ul>`}
    </section>
  `;
}
