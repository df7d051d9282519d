#!/bin/sh
# Runs one of the repository's own programs on the pinned Bun, set up first: `sh scripts/run.sh FILE [ARGUMENTS]`.
set -eu
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd -P)
sh "$root/scripts/setup.sh"
program=$root/$1
shift
exec "$root/.triplane/bin/bun" "$program" "$@"
