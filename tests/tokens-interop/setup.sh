#!/bin/sh
# Installs the vendor's token packages for crates/access-token/tests/interop.rs. Safe to run again.
# No lock file is kept: it would carry the host name of whichever registry answered.
set -eu
cd "$(dirname "$0")"
npm install --no-audit --no-fund --no-package-lock
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --disable-pip-version-check --quiet -r requirements.txt
