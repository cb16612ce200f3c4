// The scorecard: every metric and arm, control and treatment, lift and verdict.

import { useState } from "preact/hooks";
import { Chip, html } from "./view.js";
import { count, difference, lift, mean, probability, words } from "./format.js";
import { Axis, Interval, halfWidth } from "./intervals.js";

const GROUPS = [
  ["PRIMARY", "Primary: what decides"],
  ["GUARDRAIL", "Guardrails: what must not get worse"],
  ["SECONDARY", "Secondary: what else moved"],
];
const TONES = { WIN: "good", SAFE: "good", LOSS: "bad", HARMED: "bad", INVALID: "warn", UNRESOLVED: "warn" };

export function Scorecard({ results, names }) {
  const comparisons = results.metrics.flatMap((metric) => metric.comparisons);
  const canCap = !results.effectHidden && comparisons.some(binds);
  const [capped, setCapped] = useState(true);
  const reading = (comparison) => (capped && comparison.capped) || comparison.raw;
  const lifts = comparisons.map((c) => reading(c).relative).filter(Boolean);
  const half = halfWidth(lifts);
  const arms = new Set(comparisons.map((comparison) => comparison.variant)).size;
  return html`
    <section class=${`card ${results.watermarked ? "watermarked" : ""}`} aria-labelledby="scorecard">
      <div class="table-head">
        <h2 id="scorecard">Scorecard</h2>
        ${canCap && html`<${Toggle} capped=${capped} setCapped=${setCapped} />`}
      </div>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="scorecard">
        <table class="scorecard">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col" class="number">Control</th>
              <th scope="col" class="number">Treatment</th>
              <th scope="col" class="number">Difference</th>
              <th scope="col" class="plot">${lifts.length > 0 && html`<${Axis} half=${half} />`}</th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          ${GROUPS.map(([role, title]) => html`
            <${Group} title=${title} half=${half} reading=${reading}
              names=${arms > 1 ? names : null}
              metrics=${results.metrics.filter((metric) => metric.role === role)} />
          `)}
        </table>
      </div>
    </section>
  `;
}

// A cap that no unit reaches leaves nothing to compare.
const binds = ({ capped, raw }) =>
  capped && (capped.control.mean !== raw.control.mean || capped.treatment.mean !== raw.treatment.mean);

const Toggle = ({ capped, setCapped }) => html`
  <div class="segmented" role="group" aria-label="Values">
    <button aria-pressed=${capped} onClick=${() => setCapped(true)}>Capped</button>
    <button aria-pressed=${!capped} onClick=${() => setCapped(false)}>Raw</button>
  </div>
`;

function Group({ title, metrics, names, half, reading }) {
  if (metrics.length === 0) return null;
  return html`
    <tbody>
      <tr class="group"><th colspan="6" scope="rowgroup">${title}</th></tr>
      ${metrics.flatMap((metric) => metric.comparisons.map((comparison) => html`
        <${Row} key=${metric.metric + comparison.variant} metric=${metric} half=${half}
          comparison=${comparison} reading=${reading(comparison)}
          arm=${names?.[comparison.variant]} />
      `))}
    </tbody>
  `;
}

function Row({ metric, comparison, reading, arm, half }) {
  const { verdict, guardrail } = comparison;
  const state = verdict === "INVALID" ? verdict : (guardrail ?? verdict);
  const tone = TONES[state] ?? "";
  const bar = TONES[verdict] ?? "";
  const sub = [arm, metric.share ? "" : metric.unit].filter(Boolean).join(" · ");
  return html`
    <tr class=${verdict === "NOT_ENOUGH_DATA" ? "greyed" : ""}>
      <td class="metric">${metric.name}${sub && html`<span class="sub">${sub}</span>`}</td>
      <${Estimate} estimate=${reading.control} metric=${metric} />
      <${Estimate} estimate=${reading.treatment} metric=${metric} />
      <${Difference} reading=${reading} metric=${metric} />
      <td class="plot"><${Interval} relative=${reading.relative} half=${half} tone=${bar === "warn" ? "" : bar} /></td>
      <td title=${comparison.reason}>
        <${Chip} tone=${tone}>${words(state)}</${Chip}>
        ${Number.isFinite(reading.pValue) && html`<span class="sub" title=${`p = ${reading.pValue}`}>p ${probability(reading.pValue)}</span>`}
      </td>
    </tr>
  `;
}

const Estimate = ({ estimate, metric }) => html`
  <td class="number">${mean(estimate.mean, metric)}<span class="sub">n ${count(estimate.n)}</span></td>
`;

function Difference({ reading, metric }) {
  if (!Number.isFinite(reading.absolute)) {
    return html`<td class="number quiet">\u2013</td>`;
  }
  const relative = reading.relative;
  const known = Number.isFinite(relative?.value);
  return html`
    <td class="number">
      ${known && lift(relative.value)}
      <span class="sub">${difference(reading, metric)}</span>
    </td>
  `;
}
