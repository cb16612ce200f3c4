// Runs every server audit of graphql-http against a URL and prints them as JSON.
import { serverAudits } from "graphql-http";

const [url, key] = process.argv.slice(2);
const fetchFn = (input, init = {}) =>
  fetch(input, {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${key}` },
  });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  const { status, reason } = result;
  results.push({ id: result.id, name: result.name, status, reason });
  if (result.response?.body && !result.response.bodyUsed) {
    await result.response.body.cancel();
  }
}
process.stdout.write(JSON.stringify(results));
