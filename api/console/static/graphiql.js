// GraphiQL on Hone's API, with the day-one operations as its first tabs.

import { Subscriptions } from "/console/static/graphql.js";

const { React, ReactDOM, GraphiQL, GraphiQLPluginExplorer } = window;
const DAY_ONE = "/console/queries/day-one";

async function text(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}

async function dayOne() {
  const operations = JSON.parse(await text(`${DAY_ONE}/index.json`));
  return Promise.all(
    operations.map(async ({ file, variables }) => ({
      query: await text(`${DAY_ONE}/${file}`),
      variables: variables && JSON.stringify(variables, null, 2),
    })),
  );
}

const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  wsClient: new Subscriptions(),
});

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: await dayOne(),
    defaultEditorToolsVisibility: "variables",
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    shouldPersistHeaders: false,
  }),
);
