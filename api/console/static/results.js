// One experiment's results, live: a query first, then every new snapshot.

import { useEffect, useState } from "preact/hooks";
import { Trouble, html, render } from "./view.js";
import { Subscriptions, ask, load } from "./graphql.js";
import { instant } from "./format.js";
import { Headline, Title } from "./headline.js";
import { HealthStrip } from "./health.js";
import { Invalid } from "./invalid.js";
import { Insights } from "./insights.js";
import { Scorecard } from "./scorecard.js";

const INSIGHT_PAUSE = 4_000;
const key = decodeURIComponent(location.pathname.split("/").at(-1));

function Page() {
  const [experiment, setExperiment] = useState(null);
  const [error, setError] = useState(null);
  const [state, setState] = useState("connecting");

  const refresh = () =>
    ask("results", { key })
      .then((data) => {
        if (!data.experiment) throw new Error(`There is no experiment ${key}.`);
        const topic = `experiment:${key}`;
        const insights = data.insights.edges.map((edge) => edge.node);
        setExperiment({
          ...data.experiment,
          insights: insights.filter((insight) => insight.topic === topic),
        });
        document.title = `${data.experiment.name} · Hone`;
      })
      .catch(setError);

  // An insight and its backlog item follow a snapshot a moment later.
  const follow = () => {
    refresh();
    setTimeout(refresh, INSIGHT_PAUSE);
  };

  useEffect(() => {
    const live = new Subscriptions((now) => {
      setState(now);
      if (now === "live") refresh();
    });
    let leave = () => {};
    load("results-updated").then((query) => {
      leave = live.subscribe({ query, variables: { key } }, { next: follow });
    });
    refresh();
    return () => leave();
  }, []);

  if (error) return html`<${Trouble} error=${error} />`;
  if (!experiment) return html`<p class="quiet" role="status">Loading…</p>`;
  return html`<${Results} experiment=${experiment} state=${state} refresh=${refresh} />`;
}

function Results({ experiment, state, refresh }) {
  const { results } = experiment;
  const title = html`<${Title} experiment=${experiment} state=${state} />`;
  if (!results) return html`${title}<${Waiting} experiment=${experiment} />`;
  const names = Object.fromEntries(results.health.exposures.map((arm) => [arm.variant, arm.name]));
  return html`
    ${title}
    <${Headline} results=${results} decision=${experiment.decision} />
    <${HealthStrip} results=${results} />
    ${results.recommendation.outcome === "INVALID" &&
    html`<${Invalid} results=${results} onAcknowledged=${refresh} />`}
    <${Scorecard} results=${results} names=${names} />
    <${Insights} insights=${experiment.insights} headline=${results.headline} />
    <${Foot} results=${results} phase=${experiment.phases.at(-1)} />
  `;
}

const Waiting = ({ experiment }) => html`
  <section class="card">
    <h2>No results yet</h2>
    ${experiment.launchChecks.length > 0
      ? html`<ul>${experiment.launchChecks.map((check) => html`<li>${check.message}</li>`)}</ul>`
      : html`<p class="quiet">They appear here when the first units have been exposed.</p>`}
  </section>
`;

const Foot = ({ results: { snapshot, health }, phase }) => html`
  <footer class="foot">
    <span>Snapshot <code>${snapshot.number}</code>, ${instant(snapshot.computedAt)}</span>
    <span>Everything up to ${instant(health.watermark)}</span>
    <span title=${phase.designHash}>Design <code>${phase.designHash.slice(0, 12)}</code></span>
    <span title=${snapshot.inputsHash}>Inputs <code>${snapshot.inputsHash.slice(0, 12)}</code></span>
    <span>Code <code>${snapshot.codeVersion}</code></span>
  </footer>
`;

render(html`<${Page} />`, document.getElementById("app"));
