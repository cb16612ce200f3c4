// Evaluates flags with OpenFeature's SDK for Node; one line of JSON for each request
// on standard input: {key, kind, fallback, context}.
import { createInterface } from "node:readline";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const [baseUrl, key] = process.argv.slice(2);
const headers = [["Authorization", `Bearer ${key}`]];
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers }));
const client = OpenFeature.getClient();
const methods = {
  boolean: client.getBooleanDetails,
  string: client.getStringDetails,
  number: client.getNumberDetails,
  object: client.getObjectDetails,
};
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const method = methods[asked.kind].bind(client);
  const found = await method(asked.key, asked.fallback, asked.context);
  console.log(JSON.stringify(found));
}
