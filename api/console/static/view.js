// Preact with htm: text goes into the page as text nodes, never as markup.

import { h, render } from "preact";
import htm from "htm";

export { render };
export const html = htm.bind(h);

/** A word that stands for a state; `tone` is good, bad, warn or nothing. */
export const Chip = ({ tone = "", children }) =>
  html`<span class=${`chip ${tone}`}>${children}</span>`;

/** What went wrong, where the reader looks. */
export const Trouble = ({ error }) => html`
  <section class="card error" role="alert">
    <h2>This could not be loaded</h2>
    <p>${error.message}</p>
    <button onClick=${() => location.reload()}>Try again</button>
    <p><a href="/console">All experiments</a></p>
  </section>
`;
