#!/bin/sh
# Builds Prism, Beam's portable engine, into .venv/bin/prism: of the version of the Beam that is installed there.
#
#   tools/build_prism.sh            needs Go and a Go module proxy; takes one to two minutes the first time
#
# `recommender score --beam-pipeline-args=--runner=PrismRunner` finds it there. Without it Beam would download
# a binary from GitHub.
set -eu
cd "$(dirname "$0")/.."
BIN="$(pwd -P)/.venv/bin"

fail() { printf 'build_prism: %s\n  what to do: %s\n' "$1" "$2" >&2; exit 1; }

[ -x "$BIN/python" ] || fail "there is no .venv" "run: make setup"
command -v go >/dev/null 2>&1 || fail "Go was not found" "install Go (https://go.dev/dl), then run this again"
version=$("$BIN/python" -c 'from importlib.metadata import version; print(version("apache-beam"))')
GOBIN="$BIN" go install "github.com/apache/beam/sdks/v2/go/cmd/prism@v$version" ||
  fail "Prism v$version could not be built (Go's message stands above)" "check the network and GOPROXY, then run this again"
printf 'Built %s (Beam %s)\n' "$BIN/prism" "$version"
