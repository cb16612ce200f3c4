// Numbers and instants as people read them. Only here are they rounded.

const MINUS = "\u2212";

function fixed(value, digits) {
  const text = Math.abs(value).toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  const zero = Number(Math.abs(value).toFixed(digits)) === 0;
  return value < 0 && !zero ? MINUS + text : text;
}

function signed(value, digits) {
  const text = fixed(value, digits);
  return value > 0 && !text.startsWith(MINUS) ? `+${text}` : text;
}

/** Digits after the point that show about three significant ones. */
function digitsFor(value) {
  const size = Math.abs(value);
  if (!Number.isFinite(size) || size === 0) return 2;
  return Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))));
}

/** A sentence of the API's with the page's own signs: a true minus, and an arrow that holds on to both sides. */
export const typeset = (text) =>
  text.replaceAll(" -> ", "\u00a0\u2192 ").replaceAll(/(^|[\s(])-(?=\d)/g, `$1${MINUS}`);

export const count = (value) => Number(value).toLocaleString("en-US");

export const share = (value, digits = 1) => `${fixed(value * 100, digits)}%`;

export const lift = (value) => `${signed(value * 100, digitsFor(value * 100) > 1 ? 2 : 1)}%`;

/** A mean in its metric's own terms: a share of units, or a number. */
export function mean(value, metric) {
  if (value === null || value === undefined) return "\u2013";
  if (metric.share) return share(value, 2);
  return fixed(value, digitsFor(value));
}

/** A difference of means with its interval; of shares in percentage points. */
export function difference({ absolute, ciLow, ciHigh }, metric) {
  const factor = metric.share ? 100 : 1;
  const size = Math.max(Math.abs(absolute), (ciHigh - ciLow) / 2 || 0);
  const digits = metric.share ? 2 : Math.max(0, digitsFor(size) - 1);
  const show = (value) => (Number.isFinite(value) ? signed(value * factor, digits) : "?");
  const unit = metric.share ? " pp" : "";
  return `${show(absolute)} [${show(ciLow)}, ${show(ciHigh)}]${unit}`;
}

const SHARES = new Set(["CONVERSION", "RETENTION", "FUNNEL", "CADENCE"]);

/** Whether a metric's values are parts of 1. */
export const isShare = (metric) => metric.share ?? (SHARES.has(metric.kind) || metric.unit === "%");

/** An amount of a metric without a sign: points of a share, else in its unit. */
export function amount(value, metric) {
  const size = Math.abs(isShare(metric) ? value * 100 : value);
  const text = size.toLocaleString("en-US", { maximumSignificantDigits: 3 });
  if (isShare(metric)) return `${text} percentage ${text === "1" ? "point" : "points"}`;
  return metric.unit ? `${text} ${metric.unit}` : text;
}

/** A change with its sign: points of a share, else in the metric's unit. */
export function change(value, metric) {
  if (!Number.isFinite(value)) return "?";
  const factor = metric.share ? 100 : 1;
  return `${signed(value * factor, metric.share ? 2 : digitsFor(value))}${metric.share ? " points" : ""}`;
}

export function probability(p) {
  if (p === null || p === undefined) return "unknown";
  if (p < 0.0001) return "< 0.0001";
  return p > 0.9999 ? "> 0.9999" : `= ${p.toFixed(4)}`;
}

const INSTANT = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "short",
  timeZone: "UTC",
});

const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

export const day = (text) => DAY.format(new Date(text));

export const instant = (text) => (text ? `${INSTANT.format(new Date(text))} UTC` : "\u2013");

const WEEKDAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "short", timeZone: "UTC" });

export const weekday = (text) => WEEKDAY.format(new Date(text));

const STEPS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

/** How long ago, in the largest unit that fits. */
export function ago(text, now = Date.now()) {
  if (!text) return "never";
  const seconds = Math.max(0, (now - new Date(text).getTime()) / 1000);
  for (const [unit, length] of STEPS) {
    const times = Math.floor(seconds / length);
    if (times >= 1) return `${times} ${unit}${times > 1 ? "s" : ""} ago`;
  }
  return "just now";
}

const WORDS = {
  DONT_SHIP: "Don't ship",
  ROLL_BACK: "Keep the control",
  INCONCLUSIVE: "No clear answer",
  ABANDON: "Abandon",
  NO_MEANINGFUL_DIFFERENCE: "No difference that matters",
};

/** An enum's value as words. */
export function words(value) {
  if (WORDS[value]) return WORDS[value];
  const text = value.toLowerCase().replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}
