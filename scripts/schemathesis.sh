#!/bin/sh
# Runs the pinned schemathesis with the given arguments; `--path` prints where it is instead. It lives outside the
# checkout, in ${XDG_CACHE_HOME:-$HOME/.cache}/triplane, made on first use. Exit code 3: it cannot be had here.
set -eu
requirements=$(dirname "$0")/schemathesis.requirements.txt
stamp=$(cksum <"$requirements" | cut -d ' ' -f 1)
home=${XDG_CACHE_HOME:-$HOME/.cache}/triplane/schemathesis-$stamp

unavailable() {
  printf 'schemathesis cannot be had: %s\n' "$*" >&2
  exit 3
}

if [ ! -f "$home/complete" ]; then
  command -v python3 >/dev/null || unavailable 'python3 is not installed'
  rm -rf "$home"
  mkdir -p "$(dirname "$home")"
  python3 -m venv "$home" >&2 || unavailable 'python3 has no venv module'
  "$home/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements" >&2 ||
    unavailable 'pip could not install it'
  : >"$home/complete"
fi
if [ "${1:-}" = --path ]; then
  printf '%s\n' "$home/bin/schemathesis"
else
  exec "$home/bin/schemathesis" "$@"
fi
