// What was learnt from the experiment, and what is done about it.

import { Chip, html } from "./view.js";
import { instant, typeset, words } from "./format.js";

export function Insights({ insights, headline }) {
  if (insights.length === 0) return null;
  return html`
    <section class="card" aria-labelledby="insights">
      <h2 id="insights">What follows from it</h2>
      <ul class="list">${insights.map((insight) => html`<${Insight} key=${insight.id} insight=${insight} headline=${headline} />`)}</ul>
    </section>
  `;
}

const Insight = ({ insight, headline }) => html`
  <li>
    <p class="quiet small">${insight.statement === headline ? "This result became an insight" : "Insight"}, ${instant(insight.createdAt)}</p>
    ${insight.statement !== headline && html`<p>${typeset(insight.statement)}</p>`}
    ${insight.backlogItems.map((item) => html`
      <p key=${item.id} class="item"><${Chip}>${words(item.state)}</${Chip}> <strong>${item.key}</strong> ${typeset(item.title)}</p>
    `)}
  </li>
`;
