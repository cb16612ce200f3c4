// What came of it: the answer first, then what it rests on.

import { html } from "./view.js";
import { instant } from "./format.js";
import { Headline } from "./headline.js";
import { HealthStrip, Trust } from "./health.js";
import { Invalid } from "./invalid.js";
import { Insights } from "./insights.js";
import { Scorecard } from "./scorecard.js";
import { Primary } from "./primary.js";
import { Effects } from "./effects.js";
import { Impact } from "./impact.js";
import { Funnels, Segments, Survivals } from "./breakdowns.js";
import { Exports } from "./exports.js";

export function Results({ experiment, refresh }) {
  const { results } = experiment;
  const { outcome } = results.recommendation;
  const names = Object.fromEntries(results.health.exposures.map((arm) => [arm.variant, arm.name]));
  const shown = !results.effectHidden && results.metrics.some((metric) => metric.comparisons.some((each) => Number.isFinite(each.raw.absolute)));
  return html`
    <${Headline} results=${results} experiment=${experiment} />
    <${HealthStrip} results=${results} />
    <${Trust} results=${results} names=${names} />
    ${outcome === "INVALID" && html`<${Invalid} results=${results} onAcknowledged=${refresh} />`}
    ${!shown && outcome !== "INVALID" && html`<${NotYet} results=${results} status=${experiment.status} />`}
    ${shown && html`<${Primary} results=${results} names=${names} />`}
    ${(shown || outcome === "INVALID") && html`<${Scorecard} results=${results} names=${names} />`}
    ${shown && html`
      <${Impact} results=${results} names=${names} />
      <${Effects} experimentKey=${experiment.key} results=${results} names=${names} />
      <${Segments} results=${results} names=${names} />
      <${Funnels} results=${results} names=${names} />
      <${Survivals} results=${results} names=${names} />`}
    <${Insights} insights=${experiment.insights} headline=${results.headline} />
  `;
}

const LIVE = new Set(["RUNNING", "PAUSED"]);

const NotYet = ({ results, status }) => html`
  <section class="card">
    <h2>${LIVE.has(status) ? "No effect is shown yet" : "There is no effect to show"}</h2>
    ${!LIVE.has(status) && html`<p>It was stopped before its first look.</p>`}
    <p>A difference that is looked at too early changes its sign easily. It is shown at the first look${results.nextCut ? `, on ${instant(results.nextCut)} at the earliest` : ", when enough people have been counted"}.${LIVE.has(status) && " Until then you see whether everything works."}</p>
  </section>
`;

/** Where the numbers come from, and all of them to take away. */
export const Provenance = ({ results: { snapshot, health }, phase }) => html`
  <footer class="foot">
    <span>Snapshot <code>${snapshot.number}</code>, ${instant(snapshot.computedAt)}</span>
    <span>Everything up to ${instant(health.watermark)}</span>
    <span title=${phase.designHash}>Design <code>${phase.designHash.slice(0, 12)}</code></span>
    <span title=${snapshot.inputsHash}>Inputs <code>${snapshot.inputsHash.slice(0, 12)}</code></span>
    <span>Code <code>${snapshot.codeVersion}</code></span>
    <${Exports} phase=${phase} />
  </footer>
`;
