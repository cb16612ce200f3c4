#!/usr/bin/env bash
# Start Hone on this machine: demo data where there is none, then one process with
# the API, the console and the worker in it.
set -euo pipefail
cd "$(dirname "$0")/.."

# Anybody on this machine is the demo's administrator; serve refuses other addresses.
export HONE_DEMO_ADMIN=${HONE_DEMO_ADMIN:-true}
# The address and the keys should stay on the screen.
export HONE_LOG_LEVEL=${HONE_LOG_LEVEL:-WARNING}
data=${HONE_DATA_DIR:-.hone}

if [ ! -e "$data/.seeded" ]; then
  echo "== seeding the demo company"
  hone demo
  touch "$data/.seeded"
fi

echo "== starting Hone; stop it with Ctrl-C"
exec hone serve
