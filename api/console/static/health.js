// Whether the experiment can be believed, and how far it is.

import { Chip, html } from "./view.js";
import { ago, count, instant, probability, share } from "./format.js";

const units = (health) => (health.unit === "ACCOUNT" ? "accounts" : "users");

export function HealthStrip({ results }) {
  const { health, looks } = results;
  const last = looks.at(-1);
  return html`
    <section aria-label="Health">
      <dl class="card strip">
        <div><dt>Split</dt><dd><${SampleRatio} check=${health.srm} /></dd></div>
        ${health.exposures.map((arm) => html`<${Arm} key=${arm.variant} arm=${arm} arms=${health.exposures} />`)}
        <div><dt>Counted of plan</dt><dd><${Progress} health=${health} /></dd></div>
        <div>
          <dt>Freshness</dt>
          <dd>${health.backlog > 0 ? `${count(health.backlog)} events to fold` : "Up to date"}
            <small title=${instant(health.lastEventAt)}>last event ${ago(health.lastEventAt)}</small>
          </dd>
        </div>
        <div>
          <dt>Last look</dt>
          <dd>${last ? `Look ${last.number}` : "None yet"}
            <small>${last ? instant(last.cut) : "the effect is shown at the look"}</small>
          </dd>
        </div>
      </dl>
    </section>
  `;
}

function SampleRatio({ check }) {
  const [tone, word] = judged(check);
  return html`
    <${Chip} tone=${tone}>${word}</${Chip}>
    <small title=${check.note}>${check.pValue === null ? "too few units" : `SRM p ${probability(check.pValue)}`}</small>
  `;
}

function judged(check) {
  if (check.failed) return ["bad", "Mismatch"];
  if (check.pValue === null) return ["", "Too early to tell"];
  return check.warned ? ["warn", "Suspicious"] : ["good", "As planned"];
}

function Arm({ arm, arms }) {
  const total = arms.reduce((sum, each) => sum + Number(each.exposed), 0);
  return html`
    <div>
      <dt>${arm.name}${arm.isControl ? " (control)" : ""}</dt>
      <dd>${count(arm.exposed)}
        <small>${total ? share(arm.exposed / total, 2) : "\u2013"}, planned ${share(arm.expectedShare)}</small>
      </dd>
    </div>
  `;
}

function Progress({ health }) {
  const done = health.plannedUnits > 0 ? Math.min(1, health.matured / health.plannedUnits) : 0;
  return html`
    ${count(health.matured)} of ${count(health.plannedUnits)} ${units(health)}
    <progress max="1" value=${done} aria-label="Counted of plan"></progress>
    <small>${count(health.maturing)} maturing</small>
  `;
}
