// Loads features with the SDK, and for each line of JSON on standard input answers
// with one: {subjects, keys, whole} with what they are given, and {subject, until,
// source} once the feature `until` has that source.
import { createInterface } from "node:readline";
import { GrowthBook, setPolyfills } from "@growthbook/growthbook";
import { EventSource } from "eventsource";

const [apiHost, clientKey, decryptionKey] = process.argv.slice(2);
setPolyfills({ EventSource });
const sdk = new GrowthBook({ apiHost, clientKey, decryptionKey });
const loaded = await sdk.init({ streaming: true, timeout: 5000 });
const say = (value) => console.log(JSON.stringify(value));
say({ success: loaded.success });

const given = (key) => {
  const { value, source, experimentResult: result } = sdk.evalFeature(key);
  const variant = result?.inExperiment ? result.key : null;
  return { value, source, variant };
};

async function changed(key, source) {
  while (sdk.evalFeature(key).source !== source) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.until) {
    await sdk.setAttributes(asked.subject);
    await changed(asked.until, asked.source);
    say(given(asked.until));
    continue;
  }
  const answers = [];
  for (const attributes of asked.subjects) {
    await sdk.setAttributes(attributes);
    answers.push(asked.keys.map((key) => sdk.getFeatureValue(key, null)));
  }
  say(asked.whole ? asked.keys.map(given) : answers);
}
