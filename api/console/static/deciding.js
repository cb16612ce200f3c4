// The decision: what it may be, what stands against it, and the memo that it rests on.

import { Chip, html } from "./view.js";
import { Action, allowed, may, target } from "./actions.js";
import { day, instant, words } from "./format.js";

const TONES = { SHIP: "good", ROLL_BACK: "", INCONCLUSIVE: "", ABANDON: "" };
const MEANS = {
  SHIP: "it may go to everyone",
  ROLL_BACK: "everyone keeps the control, because it is better or safer",
  INCONCLUSIVE: "everyone keeps the control, because it is not known which is better",
  ABANDON: "everyone keeps the control, and the question is given up",
};
const TOO_SMALL = "everyone keeps the control, because any difference is too small to matter";
const STAYS = ["ROLL_BACK", "INCONCLUSIVE", "ABANDON"];

// Without a winner, what was found says why the control stays.
const means = (choice, results) =>
  choice === "INCONCLUSIVE" && results?.recommendation.outcome === "NO_MEANINGFUL_DIFFERENCE" ? TOO_SMALL : MEANS[choice];

/** Choices of a decision as `SHIP:variant` or the others, with the recommended first. */
function choices({ variants, results }) {
  const ships = variants.filter((each) => !each.isControl).map((each) => [`SHIP:${each.key}`, `Ship “${each.name}”: ${MEANS.SHIP}`]);
  const stays = STAYS.map((each) => [each, `${words(each)}: ${means(each, results)}`]);
  const recommended = advised(results);
  const all = [...ships, ...stays];
  return [...all.filter(([key]) => key === recommended), ...all.filter(([key]) => key !== recommended)];
}

function advised(results) {
  const { outcome, variant } = results?.recommendation ?? {};
  if (outcome === "SHIP") return `SHIP:${variant}`;
  return outcome === "DONT_SHIP" ? "ROLL_BACK" : "INCONCLUSIVE";
}

const opposes = (choice, results) =>
  choice.startsWith("SHIP:") ? choice !== advised(results) : results?.recommendation.outcome === "SHIP";

function open(choice, { results, metrics }) {
  if (!choice.startsWith("SHIP:") || !results) return [];
  const variant = choice.slice(5);
  return results.metrics
    .filter((metric) => metric.role === "GUARDRAIL")
    .filter((metric) => metric.comparisons.some((each) => each.variant === variant && (each.guardrail ?? "UNRESOLVED") === "UNRESOLVED"))
    .map((metric) => ({ key: metric.metric, name: metric.name, worst: metric.comparisons.find((each) => each.variant === variant).worst?.text }));
}

function ripe(choice, { results }) {
  if (!results) return false;
  const { matured, plannedUnits } = results.health;
  if (Number(matured) >= Number(plannedUnits) && Number(plannedUnits) > 0) return true;
  const variant = choice.slice(5);
  return results.metrics.some((metric) => metric.role === "PRIMARY" && metric.comparisons.some((each) => each.variant === variant && each.valid && ["WIN", "LOSS"].includes(each.verdict)));
}

// What goes against the recommendation needs, by the project's governance.
const SECONDED = "It goes against the recommendation: another reviewer agrees first, with this choice and the memo as it is now.";
const STAMPED = "It goes against the recommendation. Nobody else reviews it; it will be stamped “Not reviewed”.";

export function Decide({ experiment, governance, refresh }) {
  const solo = governance === "SOLO";
  const offered = choices(experiment);
  const accepts = offered.flatMap(([choice]) => open(choice, experiment).map((each) => ({ ...each, choice })));
  const fields = [
    { name: "choice", label: "What do you decide?", type: "choice", options: offered, value: offered[0][0], help: `Recommended: ${offered[0][1]}.` },
    { name: "against", type: "note", text: solo ? STAMPED : SECONDED, when: ({ choice }) => opposes(choice, experiment.results) },
    { name: "note", label: "Why?", type: "long", help: "The first thing that anyone reads who asks later." },
    {
      name: "early", label: "Why before the planned number was counted?", type: "long",
      help: "Shipping needs the planned number, or a result that holds before it, or this reason.",
      when: ({ choice }) => choice.startsWith("SHIP:") && !ripe(choice, experiment),
    },
    ...accepts.map((each) => ({
      name: `accept:${each.choice}:${each.key}`, label: `${each.name}: why is it acceptable that this is not known to be safe?`, type: "long", rows: 2,
      help: each.worst ?? "It could be worse than its margin.",
      when: ({ choice }) => choice === each.choice,
    })),
  ];
  const input = (values) => {
    const { choice, note, early } = values;
    const prefix = `accept:${choice}:`;
    const acceptances = Object.entries(values)
      .filter(([name, text]) => name.startsWith(prefix) && text)
      .map(([name, reason]) => ({ metricKey: name.slice(prefix.length), reason }));
    const [decision, variant = null] = choice.split(/:(.*)/s);
    return { ...target(experiment), decision, variant, note, earlyReason: early || null, acceptances, memoVersion: experiment.memo?.version ?? null };
  };
  return html`
    ${allowed(experiment, "DECIDE") && html`<${Action} name="decide" label="Decide" send="Write it down" primary fields=${fields} input=${input} onDone=${refresh}
      about="Nobody’s variant changes by it: shipping comes after." />`}
    ${!solo && may("reviewer") && experiment.memo && html`<${Agree} experiment=${experiment} offered=${offered} refresh=${refresh} />`}
  `;
}

// Somebody else agrees with a decision against the recommendation, before it is taken.
function Agree({ experiment, offered, refresh }) {
  const against = offered.filter(([choice]) => opposes(choice, experiment.results));
  if (against.length === 0) return null;
  const fields = [
    { name: "choice", label: "With what?", type: "choice", options: against, value: against[0][0] },
    { name: "reason", label: "Why?", type: "long", help: "It counts for the memo as it is now." },
  ];
  const input = ({ choice, reason }) => {
    const [decision, variant = null] = choice.split(/:(.*)/s);
    return { experiment: { key: experiment.key }, memoVersion: experiment.memo.version, decision, variant, reason };
  };
  return html`<${Action} name="approve-decision" label="Agree to go against the recommendation" send="Agree" fields=${fields} input=${input} onDone=${refresh}
    about="Somebody else then takes the decision, with your name beside theirs." />`;
}

export function Decided({ experiment }) {
  const { decision, decisionRecord: record, variants, metrics, invalidation } = experiment;
  const called = (key) => metrics.find((each) => each.metric.key === key)?.metric.name ?? key;
  if (invalidation) {
    return html`
      <section class="card headline warn"><h2>Nothing may be concluded from it</h2>
        <p class="sentence">${invalidation.reason}</p>
        <p class="quiet">${invalidation.invalidatedBy.name}, ${instant(invalidation.invalidatedAt)}</p></section>`;
  }
  if (!decision) return null;
  const name = variants.find((each) => each.key === decision.variant)?.name;
  return html`
    <section class=${`card headline ${TONES[decision.outcome]}`} aria-labelledby="decision">
      <div class="labels">
        <h2 id="decision">Decision</h2><${Chip} tone=${TONES[decision.outcome]}>${words(decision.outcome)}</${Chip}>
        ${record?.opposes && html`<${Chip} tone="warn">Against the recommendation</${Chip}>`}
        ${record?.opposes && !record.reviewed && html`<${Chip} tone="warn">Not reviewed</${Chip}>`}
      </div>
      <p class="sentence">${name ? `Ship “${name}”` : words(decision.outcome)}: ${means(decision.outcome, experiment.results)}.</p>
      <p>${decision.note}</p>
      <p class="quiet small">${record ? `${record.by.name}, ` : ""}${instant(decision.decidedAt)}${record?.approvedBy ? `; ${record.approvedBy} agreed` : ""}</p>
      ${record?.earlyReason && html`<p><strong>Before the planned number:</strong> ${record.earlyReason}</p>`}
      ${record?.acceptances.map((each) => html`<p key=${each.metricKey}><strong>${called(each.metricKey)}</strong> was not known to be safe; ${each.by} accepted that: ${each.reason}</p>`)}
    </section>
  `;
}

const HOW = { GENERATED: "written from the results", EDITED: "edited", DECIDED: "as it was decided on", REMEASURED: "with what was measured later" };

export function Memo({ experiment, refresh }) {
  const { memo } = experiment;
  const writable = may("editor") && !["ARCHIVED", "INVALIDATED"].includes(experiment.status);
  if (!memo && !writable) return null;
  const here = { experiment: { key: experiment.key } };
  return html`
    <details class="card" open=${experiment.status === "STOPPED"} id="memo">
      <summary><h2>Memo</h2>${memo && html`<span class="quiet small">Version ${memo.version}, ${HOW[memo.kind]}</span>`}</summary>
      ${memo
        ? html`<p class="quiet small">${memo.by.name}, ${instant(memo.at)}${memo.parts.followUpOn ? `; somebody looks again on ${day(memo.parts.followUpOn)}` : ""}</p><${Markdown} text=${memo.text} />`
        : html`<p>One page with the question, the design, the results and what went another way than planned. It is drafted from what is known; you add what only people know.</p>`}
      ${writable && html`<div class="buttons">
        <${Action} name="generate-memo" label=${memo ? "Write it anew from the results" : "Draft the memo"} primary=${!memo} onDone=${refresh} input=${() => here} />
        ${memo && html`
          <${Action} key=${memo.version} name="edit-memo" label="Add what people know" send="Save as a new version" onDone=${refresh}
            fields=${[
              { name: "usersNotice", label: "What will users notice?", type: "long", value: memo.parts.usersNotice, required: false },
              { name: "dissent", label: "Who sees it otherwise, and why?", type: "long", value: memo.parts.dissent, required: false },
              { name: "followUpOn", label: "When does somebody look again?", type: "date", value: memo.parts.followUpOn ?? "", required: false },
            ]}
            input=${({ usersNotice, dissent, followUpOn }) => ({ ...here, expectedVersion: memo.version, usersNotice, dissent, followUpOn: followUpOn || null })} />
          <${Action} key=${`text${memo.version}`} name="edit-memo" label="Edit the text" send="Save as a new version" onDone=${refresh}
            fields=${[{ name: "text", label: "The memo, as Markdown", type: "long", rows: 18, maxlength: 50000, value: memo.text }]}
            input=${({ text }) => ({ ...here, expectedVersion: memo.version, text })} />`}
      </div>`}
    </details>
  `;
}

// Enough Markdown for a memo: headings, lists, bold, paragraphs. Text stays text.
function Markdown({ text }) {
  const blocks = [];
  for (const line of text.split("\n")) {
    const heading = line.match(/^(#{1,4}) +(.*)/);
    const item = line.match(/^\s*[-*] +(.*)/);
    const last = blocks.at(-1);
    if (heading) blocks.push({ kind: "heading", depth: heading[1].length, text: heading[2] });
    else if (item && last?.kind === "list") last.items.push(item[1]);
    else if (item) blocks.push({ kind: "list", items: [item[1]] });
    else if (line.trim() && last?.kind === "text") last.text += ` ${line}`;
    else if (line.trim()) blocks.push({ kind: "text", text: line });
    else blocks.push({ kind: "gap" });
  }
  return html`<div class="memo">${blocks.map((block) => SHOWN[block.kind](block))}</div>`;
}

const bold = (text) => text.split(/\*\*(.+?)\*\*/).map((part, place) => (place % 2 ? html`<strong>${part}</strong>` : coded(part)));
const coded = (text) => text.split(/`(.+?)`/).map((part, place) => (place % 2 ? html`<code>${part}</code>` : part));

const SHOWN = {
  heading: ({ depth, text }) => (depth < 2 ? html`<h3>${bold(text)}</h3>` : html`<h4>${bold(text)}</h4>`),
  list: ({ items }) => html`<ul>${items.map((item) => html`<li>${bold(item)}</li>`)}</ul>`,
  text: ({ text }) => html`<p>${bold(text)}</p>`,
  gap: () => null,
};
