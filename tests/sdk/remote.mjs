// Evaluates remotely with the SDK: says whether it loaded, then for each line of JSON on
// standard input, {attributes, keys, forced}, what the subject is given and what was tracked.
import { createInterface } from "node:readline";
import { GrowthBook } from "@growthbook/growthbook";

const [apiHost, clientKey] = process.argv.slice(2);
const say = (value) => console.log(JSON.stringify(value));
const tracked = [];
const sdk = new GrowthBook({
  apiHost,
  clientKey,
  remoteEval: true,
  attributes: { id: "u1" },
  trackingCallback: (experiment, result) =>
    tracked.push({ key: experiment.key, phase: experiment.phase, variant: result.key }),
});
const loaded = await sdk.init({ timeout: 5000 });
say({ success: loaded.success });

for await (const line of createInterface({ input: process.stdin })) {
  const { attributes, keys, forced } = JSON.parse(line);
  tracked.length = 0;
  await sdk.setForcedVariations(forced ?? {});
  await sdk.setAttributes(attributes);
  const values = keys.map((key) => sdk.getFeatureValue(key, null));
  say({ values, tracked });
}
