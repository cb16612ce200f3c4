// How the effect came about: look by look, and day by day since people met it.

import { useEffect, useState } from "preact/hooks";
import { html } from "./view.js";
import { ask } from "./graphql.js";
import { change, day } from "./format.js";
import { LineChart } from "./charts.js";

export function Effects({ experimentKey, results, names }) {
  const arms = [...new Set(results.metrics.flatMap((metric) => metric.comparisons.map((each) => each.variant)))];
  const [variant, setVariant] = useState(arms[0]);
  const [metricKey, setMetricKey] = useState(results.metrics[0]?.metric);
  const [series, setSeries] = useState(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    if (!variant) return;
    ask("effects", { key: experimentKey, variant })
      .then(({ experiment }) => setSeries(experiment.results?.metrics ?? []))
      .catch((error) => setTrouble(error.message));
  }, [variant, results.id]);
  if (trouble) return html`<section class="card"><p role="alert">${trouble}</p></section>`;
  const found = series?.find((each) => each.metric === metricKey);
  const some = series?.some((each) => points(each.effectByLook).length > 1 || points(each.effectSinceExposure).length > 1);
  if (!some) return null;
  const metric = results.metrics.find((each) => each.metric === metricKey);
  const [byLook, sinceMet] = [points(found?.effectByLook), points(found?.effectSinceExposure)];
  const both = byLook.length > 1 && sinceMet.length > 1;
  return html`
    <section class="card" aria-labelledby="effects">
      <div class="table-head">
        <h2 id="effects">Over time</h2>
        <div class="picks">
          <${Pick} label="Metric" value=${metricKey} onPick=${setMetricKey} options=${results.metrics.map((each) => [each.metric, each.name])} />
          ${arms.length > 1 && html`<${Pick} label="Variant" value=${variant} onPick=${setVariant} options=${arms.map((arm) => [arm, names[arm] ?? arm])} />`}
        </div>
      </div>
      <div class="pair plain">
        <${ByLook} nodes=${byLook} metric=${metric} half=${both} />
        <${SinceMet} nodes=${sinceMet} metric=${metric} half=${both} />
      </div>
    </section>
  `;
}

const points = (connection) => connection?.edges.map((edge) => edge.node) ?? [];

const Pick = ({ label, value, options, onPick }) => html`
  <label class="pick">${label} <select value=${value} onChange=${(event) => onPick(event.target.value)}>
    ${options.map(([key, text]) => html`<option key=${key} value=${key} selected=${key === value}>${text}</option>`)}</select></label>
`;

function ByLook({ nodes, metric, half }) {
  if (nodes.length < 2) return null;
  const places = nodes.map((each, place) => ({ x: place + 1, y: each.estimate, low: each.ciLow, high: each.ciHigh }));
  const last = nodes.at(-1);
  const says = `Change in ${metric.name} at ${nodes.length} looks, the last on ${day(last.cut)}: ${change(last.estimate, metric)}`;
  return html`
    <figure><figcaption class="small"><strong>Look by look.</strong> The band is what each look could not rule out.</figcaption>
      <${LineChart} says=${says} half=${half} zero lines=${[{ points: places, tone: "accent", marked: nodes.length < 30 }]} showY=${(value) => tick(value, metric)} yLabel=${unit(metric)} xLabel="look" showX=${whole} /></figure>
  `;
}

function SinceMet({ nodes, metric, half }) {
  if (nodes.length < 2) return null;
  const places = nodes.map((each) => ({ x: each.day + 1, y: each.absolute, low: each.ciLow, high: each.ciHigh }));
  const last = nodes.at(-1);
  const says = `Change in ${metric.name} by day since people met it; after ${last.day + 1} days ${change(last.absolute, metric)}`;
  return html`
    <figure><figcaption class="small"><strong>By day since people met it.</strong> An effect that fades was novelty. It describes; it decides nothing.</figcaption>
      <${LineChart} says=${says} half=${half} zero lines=${[{ points: places, tone: "accent" }]} showY=${(value) => tick(value, metric)} yLabel=${unit(metric)} xLabel="days" showX=${whole} /></figure>
  `;
}

const unit = (metric) => (metric.share ? "percentage points" : metric.unit);
// On an axis: no unit, and no zeros at the end.
const tick = (value, metric) =>
  change(value, metric).replace(" points", "").replace(/\.(\d*?)0+$/, (_, kept) => (kept ? `.${kept}` : ""));
const whole = (value) => (Number.isInteger(value) ? String(value) : "");
