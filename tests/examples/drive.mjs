// node drive.mjs URL KEY FOLDER SECONDS STEP... runs the JavaScript example and prints a JSON list.
// Where FOLDER is `none`, the example has no storage.
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
const problems = [];
const onProblem = (text) => problems.push(text);
const kept = folder === "none" ? {} : { storage };
const hone = new Hone({ url, key, subject, defaults, ...kept, timeout: seconds * 1000, onProblem });
const results = [];
for (const step of steps) {
  const [name, ...given] = step.split(":");
  results.push(name === "problems" ? problems : ((await hone[name](...given)) ?? null));
}
console.log(JSON.stringify(results));
