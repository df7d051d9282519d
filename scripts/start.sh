#!/bin/sh
# `npm start`: the standalone server, or one of its commands. Each script gives way to the next and the last one
# to Bun, so that signals reach the server itself. The directory it was called from stays the current one.
exec sh "$(dirname "$0")/run.sh" src/standalone.ts "$@"
