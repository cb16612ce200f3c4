// How many units it takes, how long that is, and what each week could show.

import { useState } from "preact/hooks";
import { html } from "./view.js";
import { ask } from "./graphql.js";
import { LineChart } from "./charts.js";
import { amount, count, isShare, share } from "./format.js";
import { units } from "./design.js";

export function Power({ experiment, power: gathered }) {
  const [asked, setAsked] = useState(null);
  const metric = experiment.metrics.find((each) => each.role === "PRIMARY")?.metric;
  const power = asked ?? gathered;
  if (!power) return html`<${WorkOut} experiment=${experiment} metric=${metric} onKnown=${setAsked} />`;
  const { baseline } = power;
  return html`
    <section class="card" aria-labelledby="power">
      <h2 id="power">How long it takes</h2>
      <p class="lead">${summary(experiment, power)}</p>
      <p class="quiet">
        Enough to see a change of ${amount(power.effect, metric)} in ${metric.name} ${share(experiment.plan.power, 0)} of the time, if it is there,
        from ${baseline.binary ? share(baseline.mean, 2) : `${baseline.mean.toPrecision(3)} ${metric.unit}`} now${baseline.unitsSeen ? `, as seen in ${count(baseline.unitsSeen)} ${units(experiment)}` : ", which was assumed"}.
        ${power.inflation > 1.0005 && ` Looking daily costs ${share(power.inflation - 1)} more of them.`}
      </p>
      ${power.curve.length > 1 && html`<${Curve} power=${power} metric=${metric} wanted=${experiment.plan.power} />`}
    </section>
  `;
}

// Where nothing was seen of the metric yet, somebody says what it is now.
function WorkOut({ experiment, metric, onKnown }) {
  const { minimumEffect } = experiment.hypothesis;
  const [trouble, setTrouble] = useState("");
  if (minimumEffect === null || !metric || !isShare(metric)) return null;
  const send = (event) => {
    event.preventDefault();
    const form = new FormData(event.target);
    const { alpha, power, stopping } = experiment.plan;
    const daily = Number(form.get("daily"));
    const input = {
      baseline: Number(form.get("baseline")) / 100, minimumEffect, alpha, power, stopping, unit: experiment.unit,
      weights: experiment.variants.toSorted((one, other) => other.isControl - one.isControl).map((variant) => variant.weight), windowDays: metric.windowDays,
      dailyUnits: daily > 0 ? daily * experiment.coverage : null,
    };
    ask("power", { input })
      .then(({ powerAnalysis }) => (powerAnalysis ? onKnown(powerAnalysis) : setTrouble("That cannot be worked out.")))
      .catch((error) => setTrouble(error.message));
  };
  return html`
    <section class="card" aria-labelledby="power">
      <h2 id="power">How long it takes</h2>
      <p class="quiet">Nothing was seen of ${metric.name} yet. Say what it is now, and how many people come by, to see how many are needed.</p>
      <form class="ask" onSubmit=${send}>
        <div class="field"><label for="baseline">${metric.name} now, in per cent of ${units(experiment)}</label><input id="baseline" name="baseline" type="number" min="0.01" max="99.99" step="0.01" required /></div>
        <div class="field"><label for="daily">New ${units(experiment)} a day <span class="quiet">(optional)</span></label><input id="daily" name="daily" type="number" min="1" /></div>
        <button>Work it out</button>
        ${trouble && html`<div class="refused" role="alert"><p>${trouble}</p></div>`}
      </form>
    </section>
  `;
}

function summary(experiment, { unitsPerArm, total, dailyUnits, days, weeks, durationDays, curve }) {
  const even = unitsPerArm.every((each) => each === unitsPerArm[0]);
  const size = even ? `${count(unitsPerArm[0])} ${units(experiment)} a variant` : `${count(total)} ${units(experiment)} in all`;
  if (!dailyUnits || !days) return `${size}. How long that takes is not known: nothing was seen of its traffic yet.`;
  if (!weeks) return `${size}, which take ${several(days, "day")} to come.`;
  const due = curve.find((each) => each.week === weeks);
  const come = due ? `, in which ${count(due.units)} are expected` : "";
  const enrolled = `${several(weeks, "full week")} of enrolment${come}`;
  const after = Math.ceil(durationDays - 7 * weeks);
  if (!(after > 0)) return `${size}: ${enrolled}.`;
  return `${size}: ${enrolled}, then ${several(after, "day")} until the last of them is counted. That is ${several(7 * weeks + after, "day")}.`;
}

const several = (number, noun) => `${count(number)} ${noun}${Number(number) === 1 ? "" : "s"}`;

// A chance that is high enough is followed for a few weeks more, then it only nears 100%.
const WEEKS_ON = 4;

function Curve({ power, metric, wanted }) {
  const enough = power.curve.find((each) => each.power >= wanted);
  const weeks = power.curve.filter((each) => !enough || each.week <= enough.week + WEEKS_ON);
  const points = weeks.map(({ week, power: chance }) => ({ x: week, y: chance }));
  const last = weeks.at(-1);
  const at = (each) => share(each.power, 0);
  const sure = weeks.every((each) => at(each) === at(weeks[0]));
  const says = enough
    ? `The chance of seeing the effect reaches ${share(wanted, 0)} in week ${enough.week}`
    : `After ${last.week} weeks the chance of seeing the effect is ${share(last.power, 0)}`;
  return html`
    <figure>
      ${sure ? html`<figcaption class="small">The chance of seeing the effect that matters is ${at(weeks[0])} from the first week of enrolment on.</figcaption>` : html`
      <figcaption class="small">Chance of seeing the effect that matters, by weeks of enrolment. The line marks ${share(wanted, 0)}, which was planned for.</figcaption>
      <${LineChart} says=${says} lines=${[{ points, tone: "accent", marked: true }]} yRange=${[0, 1]} rule=${wanted}
        showY=${(value) => share(value, 0)} showX=${(value) => (Number.isInteger(value) ? String(value) : "")} xLabel="weeks" />`}
      <details class="more">
        <summary>What each week could show</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="What each week could show"><table class="small">
          <thead><tr><th scope="col">Weeks</th><th scope="col" class="number">Units</th><th scope="col" class="number">Chance</th><th scope="col" class="number">Smallest effect it would show</th></tr></thead>
          <tbody>${weeks.map((each) => html`<tr key=${each.week}>
            <td>${each.week}</td><td class="number">${count(each.units)}</td><td class="number">${share(each.power, 0)}</td>
            <td class="number">${each.minimumEffect === null ? "\u2013" : amount(each.minimumEffect, metric)}</td></tr>`)}</tbody>
        </table></div>
      </details>
    </figure>
  `;
}
