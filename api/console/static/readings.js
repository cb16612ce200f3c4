// Which of a comparison's readings counts, and how it may be read.

import { words } from "./format.js";

export const METHODS = {
  FIXED_HORIZON: ["at the planned end", "It was read once, at the number that was planned."],
  HOLM: ["at the planned end, for all variants", "Several variants were compared; the interval allows for that."],
  GROUP_SEQUENTIAL: ["holds at this look", "The interval is as wide as it must be because it is looked at again and again."],
  ALWAYS_VALID: ["holds at every look", "The interval holds whenever one looks, so it is wider than at the planned end."],
};

/** What was fixed before the start: adjusted where planned, else capped, else raw. */
export const planned = ({ adjusted, capped, raw }) => adjusted ?? capped ?? raw;

/** The same with the interval that is allowed now, and only that one. */
export function counting(comparison) {
  const reading = planned(comparison);
  const { valid } = comparison;
  if (!valid) return reading;
  const relative = valid.relative ?? (reading.relative && { ...reading.relative, ciLow: null, ciHigh: null });
  return { ...reading, ciLow: valid.ciLow, ciHigh: valid.ciHigh, pValue: valid.pValue, relative };
}

/** A comparison's verdict in words: when everything planned is in, more data is not what lacks. */
export const judged = ({ verdict, horizon }) =>
  verdict === "NOT_ENOUGH_DATA" && (horizon === "AT" || horizon === "AFTER") ? "No clear answer" : words(verdict);

/** Whether a change goes the wrong way for its metric. */
export const worse = (value, metric) => (metric.direction === "DECREASE" ? value > 0 : value < 0);
