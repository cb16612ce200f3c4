#!/usr/bin/env bash
# Create .venv and install into it Hone and what the lock file given here names.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=${1:-requirements.lock}

fail() {
  echo "$*" >&2
  exit 1
}

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "Hone needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "This Python has no venv; on Debian: apt-get install python3-venv"

began=$SECONDS
if [ ! -x .venv/bin/python ]; then
  echo "[1/3] creating .venv ($("$python" --version))"
  "$python" -m venv .venv
else
  echo "[1/3] .venv is there ($(.venv/bin/python --version))"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
echo "[2/3] installing $(grep -c '^[a-z].*==' "$lock") locked packages (under a minute)"
.venv/bin/python -m pip install --quiet --require-hashes --requirement "$lock"
echo "[3/3] installing Hone itself, editable"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
# What testing needs contains what running needs.
touch .venv/.requirements.lock ".venv/.$lock"
echo "      environment ready after $((SECONDS - began)) s, $(du -sm .venv | cut -f1) MB"
