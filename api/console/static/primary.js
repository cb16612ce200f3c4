// The answer to the question: the interval that holds now, and the way it came about.

import { Chip, html } from "./view.js";
import { change, count, lift, mean, probability, share } from "./format.js";
import { Legend, LineChart } from "./charts.js";
import { METHODS, counting, judged, planned } from "./readings.js";

const TONES = { WIN: "good", LOSS: "bad", INVALID: "warn" };

export function Primary({ results, names }) {
  const metric = results.metrics.find((each) => each.role === "PRIMARY");
  if (!metric) return null;
  const people = results.health.unit === "ACCOUNT" ? "accounts" : "users";
  return html`
    <section class=${`card ${results.watermarked ? "watermarked" : ""}`} aria-labelledby="primary">
      <h2 id="primary">What decides: ${metric.name}</h2>
      ${metric.comparisons.map((comparison) => html`
        <${Answer} key=${comparison.variant} comparison=${comparison} metric=${metric} name=${names[comparison.variant]} people=${people} />`)}
      ${metric.notes.map((note) => html`<p class="quiet">${note}</p>`)}
      <${Looks} results=${results} names=${names} />
    </section>
  `;
}

const SUMMED = new Set(["COUNT", "SUM"]);

// A share of units, a mean over them, or a ratio of two sums over them.
function average({ mean: value, n }, metric, people) {
  const units = `${count(n)} ${people}`;
  if (metric.kind === "RATIO") return `${mean(value, metric)} over ${units}`;
  if (metric.share) return `${mean(value, metric)} of ${units}`;
  const each = SUMMED.has(metric.kind) ? ` per ${people.slice(0, -1)}` : "";
  return `${mean(value, metric)} ${metric.unit}${each} (${units})`;
}

function Answer({ comparison, metric, name, people }) {
  const reading = counting(comparison);
  const { valid, verdict, unbiased, unavailable } = { ...comparison, unavailable: planned(comparison).unavailable };
  if (!Number.isFinite(reading.absolute)) return html`<p class="quiet">${name}: no difference to show${unavailable ? `, ${unavailable}` : ""}.</p>`;
  const [held, why] = valid ? METHODS[valid.method] : ["not yet allowed to decide", "Too little has been counted for an interval that may decide."];
  return html`
    <div class="answer">
      <p class="big"><strong>${change(reading.absolute, metric)}</strong>
        ${Number.isFinite(reading.relative?.value) && html`<span class="quiet">${lift(reading.relative.value)} relative to the control</span>`}
        <${Chip} tone=${TONES[verdict]}>${judged(comparison)}</${Chip}></p>
      <p>${name}: ${average(reading.treatment, metric, people)}, against ${average(reading.control, metric, people)} with the control.
        ${valid && html` The true change lies between <strong>${change(valid.ciLow, metric)}</strong> and <strong>${change(valid.ciHigh, metric)}</strong> (${share(1 - valid.level, 0)} interval, ${held}).`}</p>
      <p class="quiet small">${why}</p>
      ${unbiased && html`<p>It was stopped early because it looked good, which makes effects look larger than they are. Corrected for that: <strong>${change(unbiased.value, metric)}</strong> (${change(unbiased.ciLow, metric)} to ${change(unbiased.ciHigh, metric)}).</p>`}
      <${Statistics} comparison=${comparison} metric=${metric} />
    </div>
  `;
}

// The statistician's part: complete, folded away, each with what it means.
function Statistics({ comparison, metric }) {
  const { valid, bayes, adjustment, capDependence, alwaysValid } = comparison;
  const fixed = planned(comparison);
  const interval = (reading) => `${change(reading.ciLow, metric)} to ${change(reading.ciHigh, metric)}, p ${probability(reading.pValue)}`;
  const early = valid && !["FIXED_HORIZON", "HOLM"].includes(valid.method);
  return html`
    <details class="more">
      <summary>The same, in a statistician’s terms</summary>
      <dl class="facts small">
        ${valid && html`<div><dt>Decides</dt><dd>${interval(valid)}; two-sided error over all looks ${share(valid.level)}</dd></div>`}
        <div><dt>Fixed horizon</dt><dd>${interval(fixed)}. ${early ? "Only right if nobody had looked before the end: it decides nothing here." : "As if there had been this one look only."}</dd></div>
        ${alwaysValid && alwaysValid.method !== valid?.method && html`<div><dt>At every look</dt><dd>${interval(alwaysValid)}</dd></div>`}
        ${adjustment && html`<div><dt>Adjusted</dt><dd>${adjusted(adjustment)}</dd></div>`}
        ${capDependence && html`<div><dt>Largest values</dt><dd>${capDependence.agrees ? "They do not change the answer." : capDependence.note}</dd></div>`}
        ${bayes && html`<div><dt>Chance that it is better</dt><dd>${share(bayes.chanceToWin, bayes.chanceToWin > 0.99 || bayes.chanceToWin < 0.01 ? 2 : 0)}. If it is shipped and is not, expect to lose ${share(bayes.lossIfShipped, 2)}; kept back wrongly, ${share(bayes.lossIfKept, 2)}. A reading beside the decision, never a rule to stop by.</dd></div>`}
        <div><dt>Why this verdict</dt><dd>${comparison.reason}</dd></div>
      </dl>
    </details>
  `;
}

function adjusted({ columns, varianceReduction, covered, note }) {
  if (columns.length === 0) return note || "Nothing was adjusted for.";
  const gain = Number.isFinite(varianceReduction) ? `; it took away ${share(varianceReduction, 0)} of the noise` : "";
  const known = Number.isFinite(covered) ? `, known of ${share(covered, 0)}` : "";
  return `For what was known before the start (${columns.join(", ")}${known})${gain}. ${note}`;
}

function Looks({ results, names }) {
  const looks = results.looks.filter((look) => look.variants.some((each) => Number.isFinite(each.statistic)));
  const bounded = looks.some((look) => look.variants.some((each) => Number.isFinite(each.boundary)));
  if (looks.length < 2 || !bounded) return null;
  const arms = [...new Set(looks.flatMap((look) => look.variants.map((each) => each.variant)))];
  const along = (pick) => looks.map((look) => ({ x: look.information, y: pick(look) })).filter((point) => Number.isFinite(point.y));
  const boundary = (sign) => along((look) => sign * Math.min(...look.variants.map((each) => each.boundary).filter(Number.isFinite)));
  const lines = [
    ...arms.map((arm, place) => ({ tone: place ? "second" : "accent", marked: true, points: along((look) => look.variants.find((each) => each.variant === arm)?.statistic) })),
    { tone: "bound", dashed: true, points: boundary(1) },
    { tone: "bound", dashed: true, points: boundary(-1) },
  ];
  const crossed = looks.find((look) => look.variants.some((each) => each.crossed));
  const says = crossed
    ? `${looks.length} looks; the bar was passed at look ${crossed.number}`
    : `${looks.length} looks; the bar has not been passed`;
  return html`
    <figure>
      <figcaption><h3>Looks against the bar</h3><p class="small quiet">${says}. Outside the dashed lines the answer is clear and may decide early; they come closer as more is counted.</p></figcaption>
      <${LineChart} says=${says} lines=${lines} zero showX=${(value) => share(value, 0)} showY=${(value) => value.toFixed(0)} xLabel="counted of plan" yLabel="standard errors from no difference" />
      <${Legend} entries=${[...arms.map((arm, place) => [place ? "second" : "accent", names[arm] ?? arm]), ["bound", "the bar", true]]} />
    </figure>
  `;
}
