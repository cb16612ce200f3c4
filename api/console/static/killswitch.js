// Kill switches: what one does to an experiment, throwing it, and releasing it.

import { html } from "./view.js";
import { Action, may, reason } from "./actions.js";
import { instant } from "./format.js";

const ANSWERED = new Set(["RUNNING", "PAUSED", "SHIPPING", "SHIPPED", "MEASURED"]);
const OVER = new Set(["ARCHIVED", "INVALIDATED"]);

/** The switches in force that cover an experiment, of one page of them. */
export const covering = (switches, { key, layer }) =>
  switches.edges
    .map((edge) => edge.node)
    .filter(({ scope, experimentKey, layerKey }) =>
      scope === "ALL" || (scope === "EXPERIMENT" ? experimentKey === key : Boolean(layer) && layerKey === layer.layer.key),
    );

/** Whether people get the control now who would else get a variant. */
export const isKilled = ({ status, killed = [] }) => killed.length > 0 && ANSWERED.has(status);

/** Since when, by whom and why, in one line. */
export const Since = ({ thrown }) =>
  html`<span class="killed">Kill switch since ${instant(thrown.thrownAt)}, by ${thrown.thrownBy}: “${thrown.reason}”</span>`;

const COVERS = {
  EXPERIMENT: () => "It covers this experiment.",
  LAYER: ({ layer }) => `It covers every experiment of the layer “${layer.layer.name}”.`,
  ALL: () => "It covers every experiment of this environment.",
};

/** What is thrown now, and the button that releases it. */
export function Killed({ experiment, refresh }) {
  const { status, killed } = experiment;
  if (killed.length === 0 || OVER.has(status)) return null;
  const does = ANSWERED.has(status) ? "Everyone gets the control now." : "Everyone would get the control.";
  return killed.map((thrown) => html`
    <div key=${thrown.id} class="refused">
      <p><${Since} thrown=${thrown} /></p>
      <p>${does} ${COVERS[thrown.scope](experiment)}</p>
      ${may("operator") && html`
        <${Action} name="release-kill-switch" label="Release the kill switch" send="Release it" onDone=${refresh}
          about=${`${COVERS[thrown.scope](experiment)} Everyone gets the same variant as before again.`}
          fields=${[reason("Kept in the audit trail.")]} input=${({ reason: why }) => ({ id: thrown.id, reason: why })} />`}
    </div>
  `);
}

/** Whether the reader may throw one for this experiment alone. */
export const throwable = ({ status, killed }) =>
  ANSWERED.has(status) && may("operator") && !killed.some(({ scope }) => scope === "EXPERIMENT");

export const Throw = ({ experiment, refresh }) => html`
  <${Action} name="throw-kill-switch" label="Throw the kill switch" send="Give everyone the control" danger onDone=${refresh}
    about="Everyone gets the control at once; only who has an override keeps a variant. The experiment goes on, with nobody new in it. Released, it gives everyone the variant that they had."
    fields=${[reason("Shown here while it is thrown.")]}
    input=${({ reason: why }) => ({ scope: "EXPERIMENT", experiment: { key: experiment.key }, reason: why })} />
`;
