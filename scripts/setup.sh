#!/bin/sh
# Makes a checkout ready: the pinned Bun, the dependencies, the generated code. Does nothing, silently and
# within milliseconds, when all of it is there. Needs npm, or any Bun. Safe to run many times at once.
set -eu
cd "$(dirname "$0")/.."
. scripts/tools.sh

is_installed() {
  [ "$(cat .triplane/installed 2>/dev/null)" = "$(install_stamp)" ] && [ -x .triplane/bin/bun ] &&
    [ -d node_modules/typescript ]
}
is_generated() { [ -d src/shared/gen ] && [ "$(cat .triplane/generated 2>/dev/null)" = "$(proto_stamp)" ]; }

if is_installed && is_generated; then exit 0; fi

# One set-up at a time: whoever makes the directory goes first. A holder that died is swept aside.
lock=.triplane/lock
mkdir -p .triplane
waited=0
while ! mkdir "$lock" 2>/dev/null; do
  holder=$(cat "$lock/pid" 2>/dev/null || true)
  if [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; then
    mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
    continue
  fi
  [ "$waited" -ne 2 ] || say "waiting for another set-up in this directory${holder:+ (process $holder)}"
  [ "$waited" -lt 600 ] || fail "another set-up has held $PWD/$lock for 10 minutes; remove it if none is running"
  waited=$((waited + 1))
  sleep 1
done
echo $$ >"$lock/pid"
trap 'rm -rf "$lock"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_packages() {
  if command -v npm >/dev/null 2>&1; then
    say "installing Bun $BUN_VERSION and the dependencies with npm (once)"
    npm ci --no-audit --no-fund --loglevel=error >.triplane/install.log 2>&1
  elif command -v bun >/dev/null 2>&1; then
    say "installing Bun $BUN_VERSION and the dependencies with Bun (once)"
    bun install --frozen-lockfile --no-save >.triplane/install.log 2>&1
  else
    fail "neither npm nor bun is installed; install Node.js (it brings npm) or Bun, then run this again"
  fi
}

if ! is_installed; then
  rm -f .triplane/installed
  install_packages || {
    cat .triplane/install.log >&2
    fail "the dependencies could not be installed; the lines above say why"
  }
  bun=$(find_bun) || fail "the packages are installed, but none holds Bun $BUN_VERSION for $(uname -sm)"
  mkdir -p .triplane/bin
  ln -sf "../../$bun" .triplane/bin/bun
  ln -sf "../../$bun" .triplane/bin/node
  install_stamp >.triplane/installed
fi

if ! is_generated; then
  say "generating code from proto/"
  sh scripts/gen.sh || fail "the code could not be generated from proto/; the lines above say why"
fi
