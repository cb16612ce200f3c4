// Small line charts, drawn by hand: axes, lines, bands, marks, and words for those who
// do not see them.

import { html } from "./view.js";

const NARROW = [560, 210];
const WIDE = [1060, 250];
const LEFT = 68;
const RIGHT = 14;
const TOP = 14;
const BOTTOM = 34;
const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers that span a range, `wanted` of them or so. */
export function ticks(low, high, wanted = 4) {
  const rough = (high - low) / wanted || 1;
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = scale * STEPS.find((each) => each * scale >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * step);
}

/**
 * Lines over one axis. Each of `lines` has `points` of `{ x, y, low, high }`, a `tone`
 * and may be `stepped`, `dashed` or `marked`; `says` is the chart in a sentence. A chart
 * that stands alone is as wide as its card; `half` is one of two beside each other.
 */
export function LineChart({ lines, says, xLabel, yLabel, showX = String, showY = String, zero = false, yRange, rule, half = false }) {
  const wide = !half && matchMedia("(min-width: 900px)").matches;
  const [width, height] = wide ? WIDE : NARROW;
  const points = lines.flatMap((line) => line.points);
  const xs = points.map((point) => point.x);
  const ys = points.flatMap((point) => [point.y, point.low, point.high]).filter(Number.isFinite);
  if (xs.length === 0 || ys.length === 0) return null;
  const [x0, x1] = spread(Math.min(...xs), Math.max(...xs));
  const [y0, y1] = yRange ?? spread(Math.min(...ys, zero ? 0 : Infinity, rule ?? Infinity), Math.max(...ys, zero ? 0 : -Infinity, rule ?? -Infinity), 0.06);
  const px = (x) => LEFT + ((x - x0) / (x1 - x0)) * (width - LEFT - RIGHT);
  const py = (y) => height - BOTTOM - ((y - y0) / (y1 - y0)) * (height - TOP - BOTTOM);
  return html`
    <svg class=${wide ? "chart wide" : "chart"} viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${says}>
      <title>${says}</title>
      ${ticks(y0, y1).map((tick) => html`
        <line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${py(tick)} y2=${py(tick)} />
        <text x=${LEFT - 8} y=${py(tick) + 4} text-anchor="end">${showY(tick)}</text>
      `)}
      ${ticks(x0, x1, 6).map((tick) => html`<text x=${px(tick)} y=${height - BOTTOM + 16} text-anchor="middle">${showX(tick)}</text>`)}
      ${zero && html`<line class="zero" x1=${LEFT} x2=${width - RIGHT} y1=${py(0)} y2=${py(0)} />`}
      ${Number.isFinite(rule) && html`<line class="rule" x1=${LEFT} x2=${width - RIGHT} y1=${py(rule)} y2=${py(rule)} />`}
      ${lines.map((line) => html`<${Line} line=${line} px=${px} py=${py} />`)}
      <text class="label" x=${width - RIGHT} y=${height - 4} text-anchor="end">${xLabel}</text>
      ${yLabel && html`<text class="label" x="4" y="10">${yLabel}</text>`}
    </svg>
  `;
}

function Line({ line, px, py }) {
  const { points, tone = "", stepped, dashed, marked } = line;
  const known = points.filter((point) => Number.isFinite(point.y));
  const banded = known.filter((point) => Number.isFinite(point.low) && Number.isFinite(point.high));
  const place = (point, y) => `${px(point.x).toFixed(1)} ${py(y).toFixed(1)}`;
  const path = known.map((point, index) => {
    if (index === 0) return `M${place(point, point.y)}`;
    return stepped ? `H${px(point.x).toFixed(1)}V${py(point.y).toFixed(1)}` : `L${place(point, point.y)}`;
  });
  const band = [...banded.map((point) => place(point, point.high)), ...banded.toReversed().map((point) => place(point, point.low))];
  return html`
    <g class=${`line ${tone}`}>
      ${band.length > 2 && html`<polygon class="band" points=${band.join(" ").replaceAll(/(\S+) (\S+)/g, "$1,$2")} />`}
      <path d=${path.join("")} class=${dashed ? "dashed" : ""} />
      ${(marked || known.length === 1) && known.map((point) => html`<circle cx=${px(point.x)} cy=${py(point.y)} r="4" />`)}
    </g>
  `;
}

function spread(low, high, margin = 0) {
  if (low === high) return [low - (Math.abs(low) || 1) * 0.5, high + (Math.abs(high) || 1) * 0.5];
  const room = (high - low) * margin;
  return [low - room, high + room];
}

/** What the lines of a chart stand for. */
export const Legend = ({ entries }) => html`
  <ul class="legend">${entries.map(([tone, text, dashed]) => html`<li class=${`line ${tone}`}><svg viewBox="0 0 22 8" aria-hidden="true"><path class=${dashed ? "dashed" : ""} d="M0 4H22" /></svg>${text}</li>`)}</ul>
`;
