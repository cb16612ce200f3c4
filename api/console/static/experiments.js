// The experiments of the project, newest first: where each stands and what comes next.

import { useEffect, useState } from "preact/hooks";
import { Trouble, html, render } from "./view.js";
import { ask } from "./graphql.js";
import { day, typeset, words } from "./format.js";
import { State } from "./headline.js";
import { Since, covering, isKilled } from "./killswitch.js";
import { nextStep } from "./nextstep.js";

const OVER = new Set(["DECIDED", "SHIPPING", "SHIPPED", "MEASURED", "ARCHIVED", "INVALIDATED"]);
const FILTERS = [
  ["all", "All", () => true],
  ["mine", "Waits for you", (row) => nextStep(row).mine],
  ["open", "Not decided", (row) => !OVER.has(row.status)],
];

function Page() {
  const [pages, setPages] = useState([]);
  const [error, setError] = useState(null);
  const [filter, setFilter] = useState("all");
  const more = (after) =>
    ask("experiments", { after })
      .then((page) => setPages((known) => [...known, page]))
      .catch(setError);
  useEffect(() => void more(null), []);

  if (error) return html`<${Trouble} error=${error} />`;
  if (pages.length === 0) return html`<p class="quiet" role="status">Loading…</p>`;
  const rows = pages.flatMap(({ experiments, killSwitches }) => experiments.edges.map(({ node }) => told(node, killSwitches)));
  const shown = rows.filter(FILTERS.find(([key]) => key === filter)[2]);
  const { hasNextPage, endCursor } = pages.at(-1).experiments.pageInfo;
  return html`
    <div class="title"><h1>Experiments</h1></div>
    <p class="quiet">A new one is drafted in <a href="/console/graphql">GraphiQL</a>: its first tabs hold the operations for that.</p>
    <section class="card">
      ${rows.length === 0
        ? html`<${Empty} />`
        : html`<${Filters} rows=${rows} filter=${filter} setFilter=${setFilter} /><${Table} rows=${shown} />`}
      ${hasNextPage && html`<button onClick=${() => more(endCursor)}>Show more</button>`}
    </section>
  `;
}

// What a row says that its experiment alone does not.
const told = (experiment, switches) => ({
  ...experiment,
  killed: covering(switches, experiment),
  left: experiment.launchReadiness.items.filter((item) => item.blocking).length,
});

const Filters = ({ rows, filter, setFilter }) => html`
  <div class="segmented" role="group" aria-label="Which experiments">
    ${FILTERS.map(([key, label, keep]) => html`
      <button key=${key} aria-pressed=${key === filter} onClick=${() => setFilter(key)}>${label} ${rows.filter(keep).length}</button>
    `)}
  </div>
`;

const Empty = () => html`<h2>Nothing here yet</h2><p>What is drafted appears here, with what is left to do before it starts.</p>`;

const Table = ({ rows }) => html`
  <table class="list-of">
    <thead>
      <tr><th scope="col">Experiment</th><th scope="col">State</th><th scope="col">What it says</th><th scope="col">Next step</th></tr>
    </thead>
    <tbody>
      ${rows.map((row) => html`<${Row} key=${row.id} row=${row} />`)}
      ${rows.length === 0 && html`<tr><td colspan="4" class="quiet">None of them.</td></tr>`}
    </tbody>
  </table>
`;

function Row({ row }) {
  const next = nextStep(row);
  return html`
    <tr>
      <td class="metric">
        <a href=${`/console/experiments/${encodeURIComponent(row.key)}`}>${row.name}</a>
        <span class="sub">${words(row.treatment)} · drafted ${day(row.createdAt)}</span>
      </td>
      <td class="where"><${State} experiment=${row} /></td>
      <td class="says">${row.results ? typeset(row.results.headline) : html`<span class="quiet">No results yet</span>`}</td>
      <td class=${next.mine ? "next mine" : "next"}>${isKilled(row) && html`<${Since} thrown=${row.killed[0]} />`}${next.text}</td>
    </tr>
  `;
}

render(html`<${Page} />`, document.getElementById("app"));
