// Lifts with their intervals, all on one axis with a zero line, drawn by hand.

import { html } from "./view.js";
import { lift } from "./format.js";

const WIDTH = 300;
const INSET = 22;
const NICE = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** The half-width of the axis that shows every interval, 500% at most. */
export function halfWidth(lifts) {
  const reach = lifts.flatMap(({ ciLow, ciHigh, value }) =>
    [ciLow, ciHigh, value].filter(Number.isFinite).map(Math.abs),
  );
  const widest = Math.max(0, ...reach);
  return NICE.find((step) => step >= widest * 1.04) ?? NICE.at(-1);
}

const place = (value, half) =>
  WIDTH / 2 + (Math.max(-half, Math.min(half, value)) / half) * (WIDTH / 2 - INSET);

/** The axis above the column. */
export function Axis({ half }) {
  const ticks = [-half, -half / 2, 0, half / 2, half];
  return html`
    <svg viewBox="0 0 ${WIDTH} 20" role="img" aria-label=${`Lift from ${lift(-half)} to ${lift(half)}`}>
      ${ticks.map(
        (tick) => html`
          <text x=${place(tick, half)} y="11" text-anchor="middle">${tick === 0 ? "0" : lift(tick).replace(/\.0+%/, "%")}</text>
          <line class="axis" x1=${place(tick, half)} x2=${place(tick, half)} y1="15" y2="20" />
        `,
      )}
    </svg>
  `;
}

/** One interval with its point. What does not fit on the axis ends in an arrow. */
export function Interval({ relative, half, tone }) {
  const zero = place(0, half);
  const label = `Lift ${lift(relative.value)}, interval ${bound(relative.ciLow)} to ${bound(relative.ciHigh)}`;
  return html`
    <svg class="interval" viewBox="0 0 ${WIDTH} 44" role="img" aria-label=${label}>
      <title>${label}</title>
      <line class="zero" x1=${zero} x2=${zero} y1="0" y2="44" />
      <${Mark} relative=${relative} half=${half} tone=${tone} />
    </svg>
  `;
}

function Mark({ relative, half, tone }) {
  const low = Number.isFinite(relative.ciLow) ? relative.ciLow : -Infinity;
  const high = Number.isFinite(relative.ciHigh) ? relative.ciHigh : Infinity;
  const [left, right] = [place(low, half), place(high, half)];
  return html`
    <rect class=${`bar ${tone}`} x=${left} y="17" width=${Math.max(1.5, right - left)} height="10" rx="5" />
    ${low < -half && html`<path class=${`point ${tone}`} d=${`M${left - 7} 22 l8 -6 v12 z`} />`}
    ${high > half && html`<path class=${`point ${tone}`} d=${`M${right + 7} 22 l-8 -6 v12 z`} />`}
    <circle class=${`point ${tone}`} cx=${place(relative.value, half)} cy="22" r="5.5" />
  `;
}

const bound = (value) => (Number.isFinite(value) ? lift(value) : "unbounded");
