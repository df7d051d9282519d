# Read by the other scripts with `.`, from the root of the checkout: the pinned tools and what they share.
# Every tool runs on the pinned Bun: a `node` of our own goes first in the path, so nothing depends on the
# Node.js that a machine happens to have or not to have.

BUN_VERSION=1.4.5

say() { printf 'triplane: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Prints the path of the pinned Bun, from the root of the checkout. The package keeps its binary in one of two places,
# depending on whether its install script ran.
find_bun() {
  for candidate in node_modules/bun/bin/bun.exe node_modules/@oven/bun-*/bin/bun; do
    if [ -x "$candidate" ] && [ "$("$candidate" --version 2>/dev/null)" = "$BUN_VERSION" ]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# Changes when the generated code must change.
proto_stamp() { find proto -type f ! -name openapi.yaml ! -name asyncapi.yaml | LC_ALL=C sort | xargs cat package-lock.json | cksum; }

# Changes when the installed packages must change.
install_stamp() { cat package-lock.json .npmrc | cksum; }

if [ -d .triplane/bin ]; then
  PATH="$PWD/.triplane/bin:$PWD/node_modules/.bin:$PATH"
  export PATH
fi
