#!/bin/sh
# Installs the vendor's chat SDKs for tests/it/sdks. Safe to run again.
# No lock file is kept: it would carry the host name of whichever registry answered.
set -eu
cd "$(dirname "$0")"
npm install --no-audit --no-fund --no-package-lock
