// The one next step of an experiment, in words: for the list, and for its page.

import { allowed, because, may } from "./actions.js";
import { count, instant, share, weekday, words } from "./format.js";
import { isKilled } from "./killswitch.js";

const units = (health) => (health.unit === "ACCOUNT" ? "accounts" : "users");
const named = (experiment, key) => experiment.variants.find((each) => each.key === key)?.name ?? key;

/** `{ text, mine }`: what comes next, and whether it is for the reader to do. */
export function nextStep(experiment) {
  if (isKilled(experiment)) return { text: "Find the cause, then release the kill switch", mine: may("operator") };
  const say = SAYINGS[experiment.status];
  return say ? say(experiment) : { text: words(experiment.status), mine: false };
}

const SAYINGS = {
  DRAFT(experiment) {
    const { left } = experiment;
    if (left > 0) return { text: `${left} ${left === 1 ? "thing" : "things"} to settle before it can start`, mine: allowed(experiment, "SUBMIT") };
    if (allowed(experiment, "START")) return { text: "Look through the checklist, then start it", mine: true };
    if (allowed(experiment, "SUBMIT")) return { text: "Look through the checklist, then submit it for review", mine: true };
    return { text: "Its owner finishes the draft", mine: false };
  },
  IN_REVIEW(experiment) {
    const { approvals = 0, required = 1 } = experiment.review ?? {};
    if (allowed(experiment, "APPROVE")) return { text: "Waits for your review", mine: true };
    return { text: `Waits for review: ${approvals} of ${required} agreed`, mine: false };
  },
  APPROVED: (experiment) => ({ text: "Approved: start it, or schedule its start", mine: allowed(experiment, "START") }),
  SCHEDULED: ({ schedule }) => ({ text: `Starts by itself on ${instant(schedule?.dueAt)}`, mine: false }),
  RUNNING: running,
  PAUSED: (experiment) => ({ text: "Paused: resume it, or stop it", mine: allowed(experiment, "RESUME") }),
  STOPPED: (experiment) =>
    experiment.results || !imported(experiment)
      ? { text: "Read the results and decide", mine: allowed(experiment, "DECIDE") }
      : { text: "Its results are being computed", mine: false },
  DECIDED(experiment) {
    const { decision, shipment } = experiment;
    if (decision?.outcome === "SHIP" && shipment?.rolledBackAt) return { text: "Rolled back: everyone has the control", mine: false };
    if (decision?.outcome === "SHIP") return { text: `Ship “${named(experiment, decision.variant)}”`, mine: allowed(experiment, "SHIP") };
    return { text: "Everyone keeps the control. Archive it when nobody needs it", mine: false };
  },
  SHIPPING({ shipment }) {
    if (!shipment) return { text: "Being shipped", mine: false };
    if (shipment.heldReason) return { text: `Held at ${share(shipment.share, 0)}: ${shipment.heldReason}`, mine: false };
    return { text: `${share(shipment.share, 0)} have it; the next step is due ${instant(shipment.nextAt)}`, mine: false };
  },
  SHIPPED({ shipment }) {
    const due = shipment?.remeasures.find((each) => !each.doneAt);
    return { text: due ? `Shipped; measured again on day ${due.day}, ${instant(due.dueAt)}` : "Shipped", mine: false };
  },
  MEASURED: () => ({ text: "Shipped and measured again. Archive it when its code is gone", mine: false }),
  ARCHIVED: () => ({ text: "Nothing left to do", mine: false }),
  INVALIDATED: () => ({ text: "Nothing may be concluded from it. Draft it again", mine: false }),
};

const imported = (experiment) => experiment.phases?.at(-1)?.imported ?? false;

function running(experiment) {
  const { results } = experiment;
  const outcome = results?.recommendation.outcome;
  if (outcome === "INVALID") return { text: "Its split is broken: find the cause, then stop it", mine: allowed(experiment, "STOP") };
  if (outcome === "SHIP" || outcome === "DONT_SHIP" || outcome === "NO_MEANINGFUL_DIFFERENCE") {
    return { text: "It has its answer: stop it, then decide", mine: allowed(experiment, "STOP") };
  }
  if (outcome === "INCONCLUSIVE") return { text: "It ended without an answer: stop it, then decide", mine: allowed(experiment, "STOP") };
  if (!results) return { text: "Let it run: nobody has been exposed yet", mine: false };
  const { health, looks, nextCut } = results;
  const progress = `${count(health.matured)} of ${count(health.plannedUnits)} ${units(health)} counted`;
  if (nextCut) return { text: `Look on ${weekday(nextCut)}; ${progress}`, mine: false };
  return { text: looks.length ? `Let it run: ${progress}` : `Let it run until its first look: ${progress}`, mine: false };
}

/** Why the reader may not take the step that comes next; empty where they may. */
export function hindrance(experiment) {
  const steps = { DRAFT: "SUBMIT", IN_REVIEW: "APPROVE", APPROVED: "START", PAUSED: "RESUME", STOPPED: "DECIDE", DECIDED: "SHIP" };
  const step = steps[experiment.status];
  if (!step || allowed(experiment, step) || (step === "SHIP" && experiment.decision?.outcome !== "SHIP")) return "";
  return because(experiment, step);
}
