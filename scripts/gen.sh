#!/bin/sh
# Generates src/shared/gen from proto/ with the pinned local plugin; no network.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
rm -rf src/shared/gen
(cd proto && buf generate)
