// Runs the JavaScript example: node drive.mjs URL KEY FOLDER SECONDS STEP...; prints a JSON list.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Hone } from "../../examples/javascript/hone.mjs";

const [url, key, folder, seconds, ...steps] = process.argv.slice(2);
const path = (name) => join(folder, `${name}.json`);
const storage = {
  getItem: (name) => (existsSync(path(name)) ? readFileSync(path(name), "utf8") : null),
  setItem: (name, text) => writeFileSync(path(name), text),
};
const defaults = { "share-button": "default" };
const subject = { userId: "user-42" };
const hone = new Hone({ url, key, subject, defaults, storage, timeout: seconds * 1000 });
const results = [];
for (const step of steps) {
  const [name, ...given] = step.split(":");
  results.push((await hone[name](...given)) ?? null);
}
console.log(JSON.stringify(results));
