// The scorecard: every metric and arm, control and treatment, lift and verdict.

import { useState } from "preact/hooks";
import { Chip, html } from "./view.js";
import { count, difference, lift, mean, probability, words } from "./format.js";
import { Axis, Interval, halfWidth } from "./intervals.js";
import { counting, judged } from "./readings.js";

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
  const reading = (comparison) => (capped ? counting(comparison) : comparison.raw);
  const lifts = comparisons.map((c) => reading(c).relative).filter((relative) => Number.isFinite(relative?.value));
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
      <p class="quiet small">A bar is what each change could truly be. p is the chance of seeing this much by luck alone; a small one speaks for a real change.</p>
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
  const exploratory = comparison.registration === "EXPLORATORY" ? "exploratory" : "";
  const sub = [arm, metric.share ? "" : metric.unit, exploratory].filter(Boolean).join(" · ");
  const said = guarded(comparison);
  return html`
    <tr class=${verdict === "NOT_ENOUGH_DATA" ? "greyed" : ""}>
      <td class="metric">${metric.name}${sub && html`<span class="sub">${sub}</span>`}${said && html`<span class="sub said">${said}</span>`}</td>
      <${Estimate} estimate=${reading.control} metric=${metric} />
      <${Estimate} estimate=${reading.treatment} metric=${metric} />
      <${Difference} reading=${reading} metric=${metric} />
      <td class="plot">${Number.isFinite(reading.relative?.value)
        ? html`<${Interval} relative=${reading.relative} half=${half} tone=${bar === "warn" ? "" : bar} />`
        : Number.isFinite(reading.absolute) && html`<span class="quiet small">No lift can be stated.</span>`}</td>
      <td title=${comparison.reason}>
        <${Chip} tone=${tone}>${state === verdict ? judged(comparison) : words(state)}</${Chip}>
        <${Probability} reading=${reading} family=${comparison.family} role=${metric.role} />
      </td>
    </tr>
  `;
}

// What a guardrail leaves possible, in words.
function guarded({ guardrail, worst, margin, verdict }) {
  if (!guardrail || verdict === "INVALID") return "";
  if (guardrail === "HARMED") return "It got worse.";
  if (guardrail === "UNRESOLVED") return worst?.text ? `Not known to be safe: ${worst.text}` : "Not known to be safe yet.";
  return margin ? "No worse than its margin allows." : (worst?.text ?? "");
}

// Secondary metrics share an error rate; theirs is the p-value among all of them.
function Probability({ reading, family, role }) {
  const shared = role === "SECONDARY" && family && family.size > 1;
  const p = shared ? family.pValue : reading.pValue;
  if (!Number.isFinite(p)) return null;
  return html`<span class="sub" title=${`p = ${p}`}>p ${probability(p)}${shared ? `, of ${family.size}` : ""}</span>`;
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
