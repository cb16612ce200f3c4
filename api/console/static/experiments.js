// The experiments of the project, newest first.

import { useEffect, useState } from "preact/hooks";
import { Chip, Trouble, html, render } from "./view.js";
import { ask } from "./graphql.js";
import { day, words } from "./format.js";
import { STATUS_TONES } from "./headline.js";

function Page() {
  const [pages, setPages] = useState([]);
  const [error, setError] = useState(null);
  const more = (after) =>
    ask("experiments", { after })
      .then(({ experiments }) => setPages((known) => [...known, experiments]))
      .catch(setError);
  useEffect(() => void more(null), []);

  if (error) return html`<${Trouble} error=${error} />`;
  if (pages.length === 0) return html`<p class="quiet" role="status">Loading…</p>`;
  const rows = pages.flatMap((page) => page.edges.map((edge) => edge.node));
  const { hasNextPage, endCursor } = pages.at(-1).pageInfo;
  return html`
    <div class="title"><h1>Experiments</h1></div>
    <section class="card">
      ${rows.length === 0 ? html`<${Empty} />` : html`<${Table} rows=${rows} />`}
      ${hasNextPage && html`<button onClick=${() => more(endCursor)}>Show more</button>`}
    </section>
  `;
}

const Empty = () => html`
  <h2>Nothing here yet</h2>
  <p>Draft the first one in <a href="/console/graphql">GraphiQL</a>: its tabs hold the
    operations that you need.</p>
`;

const Table = ({ rows }) => html`
  <div class="scroll">
    <table class="list-of">
      <thead>
        <tr><th scope="col">Experiment</th><th scope="col">State</th><th scope="col">What it says</th></tr>
      </thead>
      <tbody>${rows.map((row) => html`<${Row} key=${row.id} row=${row} />`)}</tbody>
    </table>
  </div>
`;

const Row = ({ row }) => html`
  <tr>
    <td class="metric">
      <a href=${`/console/experiments/${encodeURIComponent(row.key)}`}>${row.name}</a>
      <span class="sub">${words(row.treatment)} · drafted ${day(row.createdAt)}</span>
    </td>
    <td><${Chip} tone=${STATUS_TONES[row.status]}>${words(row.status)}</${Chip}></td>
    <td>${row.results?.headline ?? html`<span class="quiet">No results yet</span>`}</td>
  </tr>
`;

render(html`<${Page} />`, document.getElementById("app"));
