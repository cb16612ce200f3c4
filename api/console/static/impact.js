// What it would bring a month, and whether it is worth going on.

import { html } from "./view.js";
import { change, count, share } from "./format.js";

export function Impact({ results, names }) {
  const metric = results.metrics.find((each) => each.role === "PRIMARY");
  const known = results.impact.filter((each) => Number.isFinite(each.perMonth));
  const verdict = (variant) => metric.comparisons.find((each) => each.variant === variant)?.verdict;
  const people = results.health.unit === "ACCOUNT" ? "accounts" : "users";
  const { futility, warnings } = results;
  if (!metric || (known.length === 0 && !futility?.futile && warnings.length === 0)) return null;
  return html`
    <section class="card" aria-labelledby="impact">
      <h2 id="impact">What it is worth</h2>
      ${known.map((each) => html`
        <div key=${each.variant} class="answer">
          ${DECIDED.has(verdict(each.variant))
            ? html`<p class="big"><strong>${monthly(each.perMonth)}</strong> <span class="quiet">${counted(metric, people)} a month with “${names[each.variant]}”</span></p>
                <p>It could be anything from ${range(each)} ${counted(metric, people)}, ${traffic(each, people)}.
                  ${diluted(each, metric, people)}
                  ${each.unbiased && " Corrected for the early stop."}</p>`
            : html`<p>${verdict(each.variant) === "FLAT" ? `“${names[each.variant]}” changes nothing that matters` : `What “${names[each.variant]}” is worth is not known`}: anything from ${range(each)} ${counted(metric, people)} a month, ${traffic(each, people)}.</p>`}
          ${each.note && html`<p class="quiet small">${each.note}</p>`}
        </div>`)}
      ${futility && html`<p class=${futility.futile ? "" : "quiet"}>${futility.text}</p>`}
      ${warnings.map((warning) => html`<p class="quiet">${warning}</p>`)}
    </section>
  `;
}

const DECIDED = new Set(["WIN", "LOSS"]);

const counted = (metric, people) => (metric.share ? `${people} with “${metric.name}”` : metric.unit || `× ${metric.name}`);

const range = ({ ciLow, ciHigh }) => `${monthly(ciLow)} to ${monthly(ciHigh)}`;

const traffic = ({ unitsPerMonth }, people) =>
  unitsPerMonth ? `at ${count(Math.round(unitsPerMonth))} ${people} who would meet it a month` : "at the present traffic";

// Where some never meet it, the effect on everyone is smaller.
function diluted({ dilutedEffect, triggerRate }, metric, people) {
  if (!Number.isFinite(dilutedEffect) || !(triggerRate < 1)) return null;
  const each = metric.share ? "" : ` ${metric.unit} for each of the ${people}`;
  return ` ${share(triggerRate, 0)} of all ${people} meet it; over all of them that is ${change(dilutedEffect, metric)}${each}.`;
}

function monthly(value) {
  if (!Number.isFinite(value)) return "an unknown number";
  const size = Math.abs(value);
  const text = (size >= 10 ? Math.round(size) : size).toLocaleString("en-US", { maximumSignificantDigits: 3 });
  if (size === 0) return "0";
  return `${value > 0 ? "+" : "\u2212"}${text}`;
}
