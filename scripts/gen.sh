#!/bin/sh
# Generates src/shared/gen from proto/ with the pinned local plugin; no network. The new code is made beside
# the old and swapped in whole, so that a process reading it never sees half of it.
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

work=.triplane/gen.$$
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
(cd proto && buf generate -o "../$work/out")
made=$work/src/shared/gen
if ! diff -r "$made" src/shared/gen >/dev/null 2>&1; then
  [ ! -e src/shared/gen ] || mv src/shared/gen "$work/old"
  mkdir -p src/shared
  mv "$made" src/shared/gen
fi
proto_stamp >.triplane/generated
