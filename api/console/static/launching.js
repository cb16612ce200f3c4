// From a draft to its start: review, schedule, ramp, start.

import { Chip, html } from "./view.js";
import { Action, allowed, may, reason, target } from "./actions.js";
import { count, instant, share, typeset, words } from "./format.js";
import { planned } from "./design.js";

const NOTE = { name: "note", label: "What should they look at?", type: "long", required: false };

/** The buttons of the one next step, and what else may be done before the start. */
export function LaunchSteps({ experiment, launch, project, refresh }) {
  const here = target(experiment);
  const can = (step) => allowed(experiment, step);
  const reviewed = project.governance !== "SOLO";
  const { ready } = launch.launchReadiness;
  const size = planned(experiment, launch);
  return html`
    ${can("APPROVE") && html`
      <${Action} name="review" label="Approve" primary onDone=${refresh}
        about="You agree to the design as it is now. A later change of it takes your approval back."
        fields=${[{ name: "note", label: "A note", type: "long", required: false }]}
        input=${({ note }) => ({ ...here, verdict: "APPROVE", note })} />`}
    ${can("REQUEST_CHANGES") && html`
      <${Action} name="review" label="Ask for changes" send="Send it back" onDone=${refresh}
        fields=${[{ name: "note", label: "What has to change, and why?", type: "long" }]}
        input=${({ note }) => ({ ...here, verdict: "REQUEST_CHANGES", note })} />`}
    ${ready && can("START") && html`
      <${Action} name="start" label="Start now" primary onDone=${refresh}
        about="${size ? `${size} decide the question. ` : ""}The design is frozen and people are assigned from now on. ${reviewed ? "" : "Nobody else has to agree; the results will say that it was not reviewed."}"
        input=${() => here} />`}
    ${ready && can("SCHEDULE") && html`
      <${Action} name="schedule" label="Schedule the start" send="Schedule" onDone=${refresh}
        fields=${[{ name: "startAt", label: `Date and time in ${project.timeZone}`, type: "datetime-local", help: `${size ? `${size} decide the question. ` : ""}It starts by itself, once. If it may not start then, this page says why.` }]}
        input=${({ startAt }) => ({ ...here, startAt })} />`}
    ${ready && can("SUBMIT") && html`
      <${Action} name="submit" label="Submit for review" primary=${reviewed} onDone=${refresh}
        about=${experiment.plannedUnits ? null : size && `${size} decide the question.`}
        fields=${[NOTE]} input=${({ note }) => ({ ...here, note })} />`}
    ${can("WITHDRAW") && html`<${Action} name="withdraw" label="Take it back to a draft" onDone=${refresh} input=${() => here} />`}
    ${(can("UNSCHEDULE") || can("RECALL")) && html`<${Action} name="unschedule" label="Give up the scheduled start" onDone=${refresh} input=${() => here} />`}
  `;
}

export function Review({ experiment, governance }) {
  const { review, schedule } = experiment;
  const refused = schedule?.status === "REFUSED" ? schedule : null;
  if (!review && !refused) return null;
  return html`
    <section class="card" aria-labelledby="review">
      <h2 id="review">Review</h2>
      ${refused && html`<p class="refused">The start that was scheduled for ${refused.localTime.replace("T", " ")} (${refused.timeZone}) did not happen: ${refused.refusal}</p>`}
      ${review && html`
        <p>${review.submittedBy.name} submitted it on ${instant(review.submittedAt)}.
          ${governance === "SOLO" ? " Nobody has to agree in this project." : ` ${review.approvals} of ${review.required} agreed.`}
          ${review.outcome && ` It ended: ${words(review.outcome).toLowerCase()}.`}</p>
        ${review.note && html`<blockquote>${review.note}</blockquote>`}
        <ul class="list">${review.assessments.map((each) => html`<${Assessment} key=${each.at} assessment=${each} />`)}</ul>`}
    </section>
  `;
}

const Assessment = ({ assessment: { verdict, reviewer, at, note, counts, revokedAt } }) => html`
  <li>
    <${Chip} tone=${verdict === "APPROVE" ? (counts ? "good" : "") : "warn"}>${verdict === "APPROVE" ? "Agreed" : "Asked for changes"}</${Chip}>
    ${" "}${reviewer.name}, ${instant(at)}${revokedAt ? `; no longer counts since ${instant(revokedAt)}` : ""}
    ${note && html`<p>${note}</p>`}
  </li>
`;

const RAMPS = { PLANNED: "Begins with the start", UNDER_WAY: "Under way", FINISHED: "Done", ENDED: "Ended with its phase" };

export function Ramp({ experiment, refresh }) {
  const { ramp } = experiment;
  if (!ramp) return null;
  const waiting = ramp.steps.find((step) => step.number === (ramp.step ?? 0) + 1);
  return html`
    <section class="card" aria-labelledby="ramp">
      <h2 id="ramp">How coverage rises</h2>
      <p><${Chip} tone=${ramp.status === "UNDER_WAY" ? "good" : ""}>${RAMPS[ramp.status]}</${Chip}>
        ${ramp.status === "UNDER_WAY" && waiting && html` Before ${share(waiting.coverage, 0)}: ${ramp.holds.length === 0 ? "nothing stands in the way" : ramp.holds.map((hold) => hold.message).join(" ")}`}</p>
      <ol class="steps">${ramp.steps.map((step) => html`
        <li key=${step.number} aria-current=${ramp.step === step.number ? "step" : undefined}>
          <strong>${share(step.coverage, 0)}</strong>
          <span class="quiet"> ${conditions(step)}</span>
          ${step.number === waiting?.number && step.needsApproval && !step.approvedBy && may("reviewer") && html`
            <${Action} name="approve-ramp-step" label="Let it begin" onDone=${refresh} fields=${[{ name: "note", label: "A note", required: false }]}
              input=${({ note }) => ({ ...target(experiment), step: step.number, note })} />`}
        </li>`)}</ol>
    </section>
  `;
}

function conditions({ holdHours, minimumUnits, needsApproval, approvedBy }) {
  const parts = [];
  if (holdHours > 0) parts.push(`held ${count(holdHours)} h`);
  if (Number(minimumUnits) > 0) parts.push(`${count(minimumUnits)} exposed before the next`);
  if (approvedBy) parts.push(`let through by ${approvedBy.name}`);
  else if (needsApproval) parts.push("waits for a reviewer");
  return parts.join(", ");
}

/** What is done to an experiment that runs. */
export function RunSteps({ experiment, refresh }) {
  const here = target(experiment);
  const can = (step) => allowed(experiment, step);
  const MODES = [
    ["PAUSE_ENROLMENT", "Nobody new; those who are in keep their variant"],
    ["PAUSE_SERVING", "Everyone gets the control until it resumes"],
  ];
  return html`
    ${can("RESUME") && html`<${Action} name="resume" label="Resume" primary onDone=${refresh} input=${() => here} />`}
    ${can("PAUSE") && html`
      <${Action} name="pause" label="Pause" onDone=${refresh}
        fields=${[{ name: "mode", label: "What stops?", type: "choice", options: MODES, value: MODES[0][0] }, reason("Kept in the audit trail.")]}
        input=${({ mode, reason: why }) => ({ ...here, mode, reason: why })} />`}
    ${can("STOP") && html`
      <${Action} name="stop" label="Stop" primary=${answered(experiment)} danger=${!answered(experiment)} onDone=${refresh}
        about="Everyone gets the control, and nobody new is counted. It cannot be started again; the results stay."
        fields=${[reason("Kept in the audit trail.")]} input=${({ reason: why }) => ({ ...here, reason: why })} />`}
  `;
}

const answered = ({ results }) => results && results.recommendation.outcome !== "KEEP_RUNNING";

export function Alarms({ experiment, refresh }) {
  const alarms = experiment.alarms.edges.map((edge) => edge.node);
  if (alarms.length === 0) return null;
  const inForce = alarms.filter((alarm) => !alarm.dismissedAt).length;
  return html`
    <section class=${`card ${inForce ? "error" : ""}`} aria-labelledby="alarms">
      <h2 id="alarms">Alarms</h2>
      <ul class="list">${alarms.map((alarm) => html`
        <li key=${alarm.id}>
          <p><${Chip} tone=${alarm.dismissedAt ? "" : "bad"}>${alarm.dismissedAt ? "Dismissed" : "In force"}</${Chip}> ${typeset(alarm.sentence)}</p>
          <p class="quiet small">${instant(alarm.raisedAt)}. ${DONE[alarm.done]}${alarm.dismissedAt ? ` ${alarm.dismissedBy}: “${alarm.dismissal}”` : ""}</p>
          ${!alarm.dismissedAt && may("reviewer") && html`
            <${Action} name="dismiss-alarm" label="Dismiss" onDone=${refresh} fields=${[reason("It does not undo what the alarm did.", "Why does it no longer count?")]}
              input=${({ reason: why }) => ({ id: alarm.id, reason: why })} />`}
        </li>`)}</ul>
    </section>
  `;
}

const DONE = { ALERT: "You were told; nothing was changed.", PAUSE_ENROLMENT: "Nobody new is let in since.", STOP: "The experiment was stopped." };
