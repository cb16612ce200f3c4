// What it would bring a month, and whether it is worth going on.

import { html } from "./view.js";
import { change, count, share } from "./format.js";

export function Impact({ results, names }) {
  const metric = results.metrics.find((each) => each.role === "PRIMARY");
  const known = results.impact.filter((each) => Number.isFinite(each.perMonth));
  const { futility, warnings } = results;
  if (!metric || (known.length === 0 && !futility?.futile && warnings.length === 0)) return null;
  return html`
    <section class="card" aria-labelledby="impact">
      <h2 id="impact">What it is worth</h2>
      ${known.map((each) => html`
        <div key=${each.variant} class="answer">
          <p class="big"><strong>${monthly(each.perMonth)}</strong> <span class="quiet">${counted(metric)} a month with “${names[each.variant]}”</span></p>
          <p>It could be anything from ${monthly(each.ciLow)} to ${monthly(each.ciHigh)}, ${each.unitsPerMonth ? `at ${count(Math.round(each.unitsPerMonth))} who would meet it a month` : "at the present traffic"}.
            ${Number.isFinite(each.dilutedEffect) && html` Over everyone, also those who never meet it, that is ${change(each.dilutedEffect, metric)}${Number.isFinite(each.triggerRate) ? ` (${share(each.triggerRate, 0)} meet it)` : ""}.`}
            ${each.unbiased && " Corrected for the early stop."}</p>
          ${each.note && html`<p class="quiet small">${each.note}</p>`}
        </div>`)}
      ${futility && html`<p class=${futility.futile ? "" : "quiet"}>${futility.text}</p>`}
      ${warnings.map((warning) => html`<p class="quiet">${warning}</p>`)}
    </section>
  `;
}

const counted = (metric) => (metric.share ? `× ${metric.name}` : metric.unit || metric.name);

function monthly(value) {
  if (!Number.isFinite(value)) return "an unknown number";
  const size = Math.abs(value);
  const text = size >= 10 ? count(Math.round(size)) : size.toLocaleString("en-US", { maximumFractionDigits: 1 });
  if (text === "0") return "0";
  return `${value > 0 ? "+" : "\u2212"}${text}`;
}
