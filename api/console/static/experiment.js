// One experiment, live: what comes next, then whatever its state makes important.

import { useEffect, useState } from "preact/hooks";
import { Trouble, html, render } from "./view.js";
import { Subscriptions, ask, load } from "./graphql.js";
import { Title } from "./headline.js";
import { WhatNow } from "./whatnow.js";
import { Design } from "./design.js";
import { Readiness } from "./readiness.js";
import { Power } from "./power.js";
import { Alarms, Ramp, Review } from "./launching.js";
import { Decided, Memo } from "./deciding.js";
import { Shipment } from "./shipping.js";
import { Provenance, Results } from "./results.js";
import { covering } from "./killswitch.js";

const INSIGHT_PAUSE = 4_000;
const BEFORE = new Set(["DRAFT", "IN_REVIEW", "APPROVED", "SCHEDULED"]);
const AFTER = new Set(["DECIDED", "SHIPPING", "SHIPPED", "MEASURED", "ARCHIVED", "INVALIDATED"]);
const key = decodeURIComponent(location.pathname.split("/").at(-1));

const DOCUMENTS = ["experiment", "launch", "results", "segments", "curves"];

async function read() {
  const answers = await Promise.all(DOCUMENTS.map((name) => ask(name, { key })));
  const [about, launch, said, ...parts] = answers;
  if (answers.some((answer) => !answer.experiment)) throw new Error(`There is no experiment ${key}.`);
  const insights = said.insights.edges.map((edge) => edge.node);
  return {
    project: about.project,
    environment: about.environment,
    launch: launch.experiment,
    experiment: {
      ...about.experiment,
      killed: covering(about.killSwitches, about.experiment),
      results: joined(said.experiment.results, parts.map((part) => part.experiment.results)),
      insights: insights.filter((insight) => insight.topic === `experiment:${key}`),
    },
  };
}

// One snapshot in several answers: a query asks for a bounded number of things.
function joined(results, parts) {
  const none = { segments: { edges: [] }, heterogeneity: [], funnel: [], survival: [] };
  const of = (metric) => parts.map((part) => part?.metrics.find((each) => each.metric === metric.metric));
  return results && { ...results, metrics: results.metrics.map((metric) => Object.assign({}, none, ...of(metric), metric)) };
}

function Page() {
  const [known, setKnown] = useState(null);
  const [error, setError] = useState(null);
  const [state, setState] = useState("connecting");

  const refresh = () =>
    read()
      .then((found) => {
        setKnown(found);
        setError(null);
        document.title = `${found.experiment.name} · Hone`;
      })
      .catch(setError);

  // What others did meanwhile, such as throw a kill switch, is no result that is announced.
  const look = () => {
    if (document.visibilityState === "visible") refresh();
  };

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
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      leave();
    };
  }, []);

  if (error && !known) return html`<${Trouble} error=${error} />`;
  if (!known) return html`<p class="quiet" role="status">Loading…</p>`;
  return html`
    ${error && html`<div class="refused" role="alert"><p>This is as it was a while ago. It could not be read again: ${error.message}</p></div>`}
    <${Sections} ...${known} state=${state} refresh=${refresh} />
  `;
}

function Sections({ experiment, launch, project, environment, state, refresh }) {
  const before = BEFORE.has(experiment.status);
  const over = AFTER.has(experiment.status);
  const waits = !experiment.results && !before;
  return html`
    <${Title} experiment=${experiment} environment=${environment} state=${state} />
    <${WhatNow} experiment=${experiment} launch=${launch} project=${project} refresh=${refresh} />
    <${Alarms} experiment=${experiment} refresh=${refresh} />
    ${over && html`<${Decided} experiment=${experiment} />`}
    <${Shipment} experiment=${experiment} refresh=${refresh} />
    ${over && html`<${Memo} experiment=${experiment} refresh=${refresh} />`}
    ${experiment.results && html`<${Results} experiment=${experiment} refresh=${refresh} />`}
    ${waits && html`<${Waiting} />`}
    ${experiment.status === "STOPPED" && html`<${Memo} experiment=${experiment} refresh=${refresh} />`}
    ${before && html`<${Readiness} experiment=${experiment} launch=${launch} refresh=${refresh} />`}
    ${before && html`<${Power} experiment=${experiment} power=${launch.power} />`}
    <${Ramp} experiment=${experiment} refresh=${refresh} />
    <${Review} experiment=${experiment} governance=${project.governance} />
    <${Design} experiment=${experiment} launch=${launch} open=${before} />
    ${!before && html`<${Readiness} experiment=${experiment} launch=${launch} refresh=${refresh} />`}
    ${experiment.results && html`<${Provenance} results=${experiment.results} phase=${experiment.phases.at(-1)} />`}
  `;
}

const Waiting = () => html`
  <section class="card">
    <h2>No results yet</h2>
    <p class="quiet">They appear here when the first people have met the experiment. Nothing needs to be done for that.</p>
  </section>
`;

render(html`<${Page} />`, document.getElementById("app"));
