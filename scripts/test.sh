#!/bin/sh
# `npm test`: set-up, a browser for the page tests, then everything in scripts/test.ts, which also says what the
# arguments mean. Needs what `npm start` needs.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
. scripts/tools.sh

find_chromium() {
  for candidate in "${TRIPLANE_CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

needs_browser=true
case "${1:-}" in --breaking | --gates | --fast | [!-]*) needs_browser=false ;; esac
if "$needs_browser" && ! find_chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "installing Chromium for the page tests with apt-get (once)"
  { apt-get -o DPkg::Lock::Timeout=300 update &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends \
      chromium fonts-dejavu-core; } >.triplane/chromium.log 2>&1 ||
    say "Chromium could not be installed: $(tail -n 1 .triplane/chromium.log)"
fi
TRIPLANE_CHROMIUM=$(find_chromium || true)
export TRIPLANE_CHROMIUM
exec .triplane/bin/bun scripts/test.ts "$@"
