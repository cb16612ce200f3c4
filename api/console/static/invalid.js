// Why an effect is hidden, and how a reviewer has it shown all the same.

import { useState } from "preact/hooks";
import { html } from "./view.js";
import { ask } from "./graphql.js";
import { instant, probability } from "./format.js";

const CHECKS = [
  ["srm", "Split"],
  ["conflicts", "Units in two variants"],
];

export function Invalid({ results, onAcknowledged }) {
  const failed = CHECKS.map(([key, name]) => [name, results.health[key]]).filter(
    ([, check]) => check.failed,
  );
  const accepted = results.acknowledgement;
  return html`
    <section class="card error" aria-labelledby="invalid">
      <h2 id="invalid">${accepted ? "Shown for review only" : "The effect is hidden"}</h2>
      <ul>
        ${failed.map(([name, check]) => html`<li>${name}: ${check.note} (p ${probability(check.pValue)})</li>`)}
      </ul>
      ${accepted
        ? html`<p class="quiet">${accepted.actor.name}, ${instant(accepted.at)}: ${accepted.reason}</p>`
        : html`<${Acknowledge} results=${results} onAcknowledged=${onAcknowledged} />`}
    </section>
  `;
}

function Acknowledge({ results, onAcknowledged }) {
  const [reason, setReason] = useState("");
  const [trouble, setTrouble] = useState("");
  const [key] = useState(() => crypto.randomUUID());
  const send = async (event) => {
    event.preventDefault();
    const input = { snapshotId: results.id, reason, idempotencyKey: key };
    try {
      const { acknowledgeInvalidResults: answer } = await ask("acknowledge", { input });
      if (answer.message) setTrouble(answer.message);
      else onAcknowledged();
    } catch (error) {
      setTrouble(error.message);
    }
  };
  return html`
    <p>
      Its numbers would be wrong by an unknown amount. A reviewer may have them shown,
      watermarked, to find the cause; verdict and recommendation stay invalid.
    </p>
    <form onSubmit=${send}>
      <label for="reason">Why do you need to see them?</label>
      <textarea id="reason" required maxlength="2000" value=${reason}
        onInput=${(event) => setReason(event.target.value)}></textarea>
      <p><button class="primary" disabled=${!reason.trim()}>Show for review</button></p>
      ${trouble && html`<p role="alert">${trouble}</p>`}
    </form>
  `;
}
