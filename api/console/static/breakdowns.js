// The effect taken apart: by segment, by step, by the time that it takes.

import { Chip, html } from "./view.js";
import { change, count, lift, mean, probability, share, words } from "./format.js";
import { Legend, LineChart } from "./charts.js";

export function Segments({ results, names }) {
  const metrics = results.metrics.filter((metric) => metric.segments.edges.length > 0);
  if (metrics.length === 0) return null;
  return html`
    <details class="card" aria-labelledby="segments">
      <summary><h2 id="segments">By segment</h2></summary>
      <p class="quiet">With many segments some look different by chance alone. Only those of the primary metric were asked about beforehand, and their p-values allow for their number; the others are a reason to ask, not an answer.</p>
      ${metrics.map((metric) => html`<${MetricSegments} key=${metric.metric} metric=${metric} names=${names} />`)}
    </details>
  `;
}

function MetricSegments({ metric, names }) {
  const rows = metric.segments.edges.map((edge) => edge.node);
  const exploratory = rows.every((row) => row.registration === "EXPLORATORY");
  const several = new Set(rows.map((row) => row.variant)).size > 1;
  return html`
    <h3 class="group">${metric.name} <${Chip} tone=${exploratory ? "warn" : ""}>${exploratory ? "Exploratory" : "Registered"}</${Chip}></h3>
    ${metric.heterogeneity.filter((each) => Number.isFinite(each.pValue)).map((each) => html`
      <p class="small quiet">${words(each.dimension)}: ${each.pValue < 0.05 ? "the effect differs between levels" : "no sign that the effect differs between levels"} (p ${probability(each.pValue)}).</p>`)}
    <div class="scroll" tabindex="0" role="region" aria-label=${`Segments of ${metric.name}`}>
      <table class="small">
        <thead><tr><th scope="col">Segment</th><th scope="col" class="number">Control</th><th scope="col" class="number">Variant</th><th scope="col" class="number">Change</th><th scope="col" class="number">p</th></tr></thead>
        <tbody>${rows.map((row) => html`<${Segment} key=${row.variant + row.dimension + row.level} row=${row} metric=${metric} name=${several ? names[row.variant] : ""} />`)}</tbody>
      </table>
    </div>
    ${metric.segments.pageInfo?.hasNextPage && html`<p class="small quiet">The first ${rows.length} are shown; all of them are in the export below.</p>`}
  `;
}

function Segment({ row, metric, name }) {
  const { dimension, level, control, treatment, absolute, family, excluded, unavailable } = row;
  const interval = row.valid ?? row;
  return html`
    <tr>
      <td>${words(dimension)}: <strong>${level}</strong>${name && html`<span class="sub">${name}</span>`}</td>
      <td class="number">${mean(control.mean, metric)}<span class="sub">n ${count(control.n)}</span></td>
      <td class="number">${mean(treatment.mean, metric)}<span class="sub">n ${count(treatment.n)}</span></td>
      ${Number.isFinite(absolute) && !excluded
        ? html`<td class="number">${change(absolute, metric)}<span class="sub">${change(interval.ciLow, metric)} to ${change(interval.ciHigh, metric)}</span></td>
            <td class="number">${family ? html`${probability(family.pValue)}<span class="sub">of ${family.size}, adjusted</span>` : html`<span class="quiet">\u2013</span>`}</td>`
        : html`<td class="quiet" colspan="2">${excluded ?? unavailable}</td>`}
    </tr>
  `;
}

export function Funnels({ results, names }) {
  const metrics = results.metrics.filter((metric) => metric.funnel.length > 0);
  if (metrics.length === 0) return null;
  return metrics.map((metric) => html`
    <section key=${metric.metric} class="card" aria-label=${`Funnel of ${metric.name}`}>
      <h2>Step by step: ${metric.name}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Steps">
        <table class="small">
          <thead><tr><th scope="col">Step</th><th scope="col" class="number">Control</th><th scope="col" class="number">Variant</th><th scope="col" class="number">Change</th><th scope="col" class="number">Went on: control, variant</th></tr></thead>
          <tbody>${metric.funnel.map((step) => html`
            <tr key=${step.variant + step.step}>
              <td>${step.step}. <strong>${step.name}</strong>${step.biggestDrop && html` <${Chip} tone="warn">Most are lost here</${Chip}>`}<span class="sub">${names[step.variant]}</span></td>
              <td class="number">${part(step.control.mean)}</td><td class="number">${part(step.treatment.mean)}</td>
              <td class="number">${Number.isFinite(step.absolute) ? html`${change(step.absolute, { share: true })}<span class="sub">${change(step.ciLow, { share: true })} to ${change(step.ciHigh, { share: true })}</span>` : "\u2013"}</td>
              <td class="number">${part(step.controlOnward)}, ${part(step.treatmentOnward)}</td>
            </tr>`)}</tbody>
        </table>
      </div>
      <p class="quiet small">Shares are of all who met the experiment. Who went on from one step to the next is described, not randomised: a variant that brings more people to a step also brings other people.</p>
    </section>
  `);
}

const part = (value) => (Number.isFinite(value) ? share(value) : "\u2013");

export function Survivals({ results, names }) {
  return results.metrics.flatMap((metric) => metric.survival.map((each) => html`<${Survival} key=${metric.metric + each.variant} metric=${metric} survival=${each} name=${names[each.variant]} />`));
}

function Survival({ metric, survival, name }) {
  const { control, treatment, controlMedian, treatmentMedian, restrictedMean, horizonDays, logRankPValue, note } = survival;
  if (control.length < 2) return null;
  const reached = (points) => points.map((point) => ({ x: point.day, y: 1 - point.share, low: 1 - point.ciHigh, high: 1 - point.ciLow }));
  const half = (median) => (median === null ? "not reached" : `${median} days`);
  const says = `${metric.name}: half had it after ${half(treatmentMedian)} with ${name}, ${half(controlMedian)} with the control`;
  return html`
    <section class="card" aria-label=${`Time to ${metric.name}`}>
      <h2>How long it takes: ${metric.name}</h2>
      <p>Half had it after <strong>${half(treatmentMedian)}</strong> with “${name}”, after <strong>${half(controlMedian)}</strong> with the control.
        ${restrictedMean && Number.isFinite(restrictedMean.absolute) && html` Over the first ${horizonDays} days that is ${change(restrictedMean.absolute, { share: false })} days on average (${change(restrictedMean.ciLow, {})} to ${change(restrictedMean.ciHigh, {})}).`}
        ${Number.isFinite(logRankPValue) && html` The curves ${logRankPValue < 0.05 ? "differ" : "do not clearly differ"} (p ${probability(logRankPValue)}).`}</p>
      <figure><figcaption class="small">Share who had it by then; people whose time is not over yet are allowed for.</figcaption>
        <${LineChart} says=${says} lines=${[{ tone: "flat", stepped: true, points: reached(control) }, { tone: "accent", stepped: true, points: reached(treatment) }]} showY=${(value) => share(value, 0)} xLabel="days" />
        <${Legend} entries=${[["flat", "Control"], ["accent", name]]} /></figure>
      ${note && html`<p class="quiet small">${note}</p>`}
    </section>
  `;
}
