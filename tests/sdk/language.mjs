// For each line of JSON on standard input answers with one: what the SDK makes of a
// condition {condition, groups, contexts}, or of features {features, groups, keys,
// contexts} for a list of contexts. Where the SDK itself fails, the answer is null.
import { createInterface } from "node:readline";
import { GrowthBook, evalCondition } from "@growthbook/growthbook";

const attempt = (work) => {
  try {
    return work();
  } catch {
    return null;
  }
};

function evaluated({ features, groups, keys }, { documents, ...context }) {
  const kept = documents && structuredClone(documents);
  const nowhere = { getAllAssignments: async () => kept, saveAssignments: async () => {} };
  const options = kept ? { stickyBucketService: nowhere, stickyBucketAssignmentDocs: kept } : {};
  const sdk = new GrowthBook({ features, savedGroups: groups, ...context, ...options });
  return keys.map((key) =>
    attempt(() => {
      const { value, source, ruleId, experimentResult: result } = sdk.evalFeature(key);
      return { value: value ?? null, source, ruleId: ruleId || "", result: result ?? null };
    }),
  );
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const answers = asked.contexts.map((context) =>
    asked.features
      ? evaluated(asked, context)
      : attempt(() => evalCondition(context, asked.condition, asked.groups)),
  );
  console.log(JSON.stringify(answers));
}
