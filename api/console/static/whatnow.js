// The one next step, who may take it, and the buttons that take it.

import { html } from "./view.js";
import { Action, allowed, may, reason, target } from "./actions.js";
import { hindrance, nextStep } from "./nextstep.js";
import { LaunchSteps, RunSteps } from "./launching.js";
import { Decide } from "./deciding.js";
import { Ship } from "./shipping.js";
import { Killed, Throw, isKilled, throwable } from "./killswitch.js";

const BEFORE = new Set(["DRAFT", "IN_REVIEW", "APPROVED", "SCHEDULED"]);
const LIVE = new Set(["RUNNING", "PAUSED"]);

export function WhatNow({ experiment, launch, project, refresh }) {
  const blocking = launch.launchReadiness.groups.flatMap((group) => group.items).filter((item) => item.blocking);
  const next = nextStep({ ...experiment, left: blocking.length });
  const { status } = experiment;
  const why = hindrance(experiment);
  return html`
    <section class=${`card now ${isKilled(experiment) ? "error" : next.mine ? "mine" : ""}`} aria-labelledby="now">
      <h2 id="now">What now</h2>
      <p class="lead" aria-live="polite">${next.text}.</p>
      <${Killed} experiment=${experiment} refresh=${refresh} />
      ${why && html`<p class="quiet">${why}</p>`}
      ${status === "DRAFT" && blocking.length > 0 && html`
        <ul>${blocking.map((item) => html`<li key=${item.code}><a href="#readiness">${item.title}</a>: ${item.message}</li>`)}</ul>`}
      <div class="buttons">
        ${BEFORE.has(status) && html`<${LaunchSteps} experiment=${experiment} project=${project} launch=${launch} refresh=${refresh} />`}
        ${LIVE.has(status) && html`<${RunSteps} experiment=${experiment} refresh=${refresh} />`}
        ${status === "STOPPED" && html`<${Decide} key=${experiment.memo?.version} experiment=${experiment} governance=${project.governance} refresh=${refresh} />`}
        ${status === "DECIDED" && html`<${Ship} experiment=${experiment} refresh=${refresh} />`}
        <${Rest} experiment=${experiment} refresh=${refresh} />
      </div>
    </section>
  `;
}

const SHIPPED = new Set(["SHIPPED", "MEASURED"]);

// What is rarely right stands apart, and says what it does.
function Rest({ experiment, refresh }) {
  const here = target(experiment);
  const archive = allowed(experiment, "ARCHIVE");
  const invalidate = allowed(experiment, "INVALIDATE") && may("reviewer");
  const kill = throwable(experiment);
  if (!archive && !invalidate && !kill) return null;
  const gone = { name: "referencesGone", label: "No code asks for its key any more", type: "checkbox", help: "What still asks for it would fall back to a default of its own." };
  return html`
    <details class="more rest">
      <summary>Something else</summary>
      ${kill && html`<${Throw} experiment=${experiment} refresh=${refresh} />`}
      ${archive && html`
        <${Action} name="archive" label="Archive" onDone=${refresh} about="It is put away. Its key stays reserved for ever, and clients are no longer answered for it."
          fields=${SHIPPED.has(experiment.status) ? [gone] : []}
          input=${({ referencesGone = false }) => ({ ...here, referencesGone })} />`}
      ${invalidate && html`
        <${Action} name="invalidate" label="Declare it invalid" danger onDone=${refresh}
          about="Nothing may be concluded from it then. If it runs it ends, and everyone gets the control. Its data stays."
          fields=${[reason("Shown wherever its results are.")]} input=${({ reason: why }) => ({ ...here, reason: why })} />`}
    </details>
  `;
}
