// Whether the experiment can be believed, and how far it is.

import { Chip, html } from "./view.js";
import { ago, count, instant, probability, share, words } from "./format.js";

const units = (health) => (health.unit === "ACCOUNT" ? "accounts" : "users");

export function HealthStrip({ results }) {
  const { health, looks, nextCut } = results;
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
            ${nextCut && html`<small>next ${instant(nextCut)}</small>`}
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

const CHECKS = [
  ["conflicts", "Seen in two variants"],
  ["links", "Linked to somebody who was in already"],
  ["signUps", "Signed up unevenly"],
];

/** Where a split that is off comes from, and what else is odd; nothing where all is well. */
export function Trust({ results: { health }, names }) {
  const odd = CHECKS.filter(([key]) => health[key].warned || health[key].failed);
  const sequential = health.srmSequential;
  const watched = sequential && (sequential.warned || sequential.failed);
  const worst = health.slices.edges.map((edge) => edge.node).filter((slice) => slice.rejected);
  if (odd.length === 0 && !watched && health.diagnosis.length === 0 && worst.length === 0) return null;
  const arms = health.exposures.map((arm) => names[arm.variant]);
  return html`
    <section class="card" aria-labelledby="trust">
      <h2 id="trust">Can it be believed?</h2>
      <ul class="list">
        ${health.diagnosis.map((sentence) => html`<li>${sentence}</li>`)}
        ${watched && html`<li>Split, at every refresh: ${sequential.note}</li>`}
        ${odd.map(([key, name]) => html`<li key=${key}>${name}: ${health[key].note}</li>`)}
      </ul>
      ${worst.length > 0 && html`
        <h3>Where the split is off</h3>
        <div class="scroll" tabindex="0" role="region" aria-label="Where the split is off">
          <table class="small"><thead><tr><th scope="col">Part</th>${arms.map((arm) => html`<th scope="col" class="number">${arm}</th>`)}<th scope="col" class="number">p</th></tr></thead>
            <tbody>${worst.map((slice) => html`<tr key=${slice.attribute + slice.level}><td>${slice.attribute === "$day" ? "Day" : words(slice.attribute)}: <strong>${slice.level}</strong></td>
              ${slice.counts.map((each) => html`<td class="number">${count(each)}</td>`)}<td class="number">${probability(slice.pValue)}</td></tr>`)}</tbody></table>
        </div>`}
    </section>
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
