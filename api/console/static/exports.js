// Everything behind the numbers, to be recomputed elsewhere.

import { useState } from "preact/hooks";
import { html } from "./view.js";
import { ask } from "./graphql.js";
import { words } from "./format.js";

export function Exports({ phase }) {
  const [tables, setTables] = useState(null);
  const [trouble, setTrouble] = useState("");
  const load = ({ currentTarget }) => {
    if (!currentTarget.open || tables) return;
    ask("export", { phase: phase.id })
      .then(({ exportResults }) => setTables(exportResults.tables.filter((table) => table.allowed)))
      .catch((error) => setTrouble(error.message));
  };
  return html`
    <details class="more" onToggle=${load}>
      <summary>Export</summary>
      <ul>${tables?.map((table) => html`
        <li key=${table.kind}>${words(table.kind)}: <a href=${table.csv} download>CSV</a>, <a href=${table.jsonl} download>JSON lines</a></li>`)}</ul>
      ${trouble && html`<p role="alert">${trouble}</p>`}
    </details>
  `;
}
