#!/bin/sh
# Makes .venv hold exactly what requirements.lock says, with Python 3.10, and this project itself.
#
#   tools/bootstrap.sh              install; does nothing when .venv is up to date
#   tools/bootstrap.sh uv ARGS...   run the uv that the installation uses
#
# Needs git, make, any Python 3.8 or newer and a package registry. Where a private index is set for
# pip (PIP_INDEX_URL, PIP_CERT), uv is given the same one.
set -eu

UV_VERSION=0.13.9
cd "$(dirname "$0")/.."
ROOT=$(pwd -P)
VENV="$ROOT/.venv"
PRIVATE_UV="$ROOT/.uv"

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "bootstrap: $1"
  shift
  for line in "$@"; do say "  $line"; done
  exit 1
}

check_platform() {
  platform="$(uname -s) $(uname -m)"
  [ "$platform" = "Linux x86_64" ] || fail "this platform has no wheels of ScaNN and TFX 1.16" \
    "expected: Linux x86_64" "received: $platform" "what to do: use a Linux machine, a container or WSL"
}

# What .venv was made from: another lock, setup.py or place of the checkout means work to do.
fingerprint() { { cat requirements.lock setup.py tools/bootstrap.sh; printf '%s\n' "$ROOT"; } | cksum; }

# ---- Python 3.10 -----------------------------------------------------------------------------------------------------

# A pyenv shim may stand on PATH and refuse to run, and a Python built by hand may lack modules: only trying tells.
is_python310() {
  "$1" -c 'import sys, ctypes, sqlite3, ssl, zlib; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1
}

pyenv_versions() {
  pyenv_root=$(pyenv root 2>/dev/null || true)
  ls -d "${pyenv_root:-${HOME:-}/.pyenv}"/versions/3.10.* "${HOME:-}"/.pyenv/versions/3.10.* 2>/dev/null | sort -t. -k3 -n -r
}

find_python310() {
  for candidate in "$(command -v python3.10 || true)" "$(command -v python3 || true)"; do
    if [ -n "$candidate" ] && is_python310 "$candidate"; then echo "$candidate"; return; fi
  done
  pyenv_versions | while read -r version; do
    if is_python310 "$version/bin/python3"; then echo "$version/bin/python3"; break; fi
  done
}

# ---- uv --------------------------------------------------------------------------------------------------------------

runs_uv() { [ -n "$1" ] && "$1" python list --help >/dev/null 2>&1; }

is_any_python3() { [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; }

find_any_python3() {
  for candidate in "$(find_python310)" "$(command -v python3 || true)" /usr/bin/python3 "$(command -v python || true)"; do
    if is_any_python3 "$candidate"; then echo "$candidate"; return; fi
  done
}

install_uv() {
  python=$(find_any_python3)
  [ -n "$python" ] || fail "no Python that runs was found" \
    "expected: python3, version 3.8 or newer, on PATH" "what to do: install Python 3 (Debian, Ubuntu: apt install python3)"
  say "Fetching uv $UV_VERSION into .uv"
  rm -rf "$PRIVATE_UV/venv" "$PRIVATE_UV/target"
  mkdir -p "$PRIVATE_UV"
  # Debian's Python may come without ensurepip (no venv) and still have pip.
  if "$python" -m venv "$PRIVATE_UV/venv" >/dev/null 2>&1; then
    "$PRIVATE_UV/venv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2 || fetch_failed
  elif "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip install --quiet --disable-pip-version-check --target "$PRIVATE_UV/target" "uv==$UV_VERSION" >&2 ||
      fetch_failed
  else
    fail "$python has neither venv nor pip, so uv cannot be installed" \
      "what to do: apt install python3-venv, or install uv yourself (https://docs.astral.sh/uv) and run this again"
  fi
}

fetch_failed() {
  fail "uv could not be fetched (pip's message stands above)" \
    "what to do: check the network and the package index (PIP_INDEX_URL), or put uv on PATH; then run this again"
}

find_uv() {
  for candidate in "$(command -v uv || true)" "$PRIVATE_UV/venv/bin/uv" "$PRIVATE_UV/target/bin/uv"; do
    if runs_uv "$candidate"; then echo "$candidate"; return; fi
  done
}

need_uv() {
  UV=$(find_uv)
  if [ -z "$UV" ]; then
    install_uv
    UV=$(find_uv)
    [ -n "$UV" ] || fail "uv was installed into .uv and does not run" "what to do: delete the folder .uv and run this again"
  fi
  [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"
  [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
  export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-300}" UV_NO_PROGRESS="${UV_NO_PROGRESS:-1}"
}

# ---- .venv -----------------------------------------------------------------------------------------------------------

venv_is_current() {
  [ -f "$VENV/.installed" ] && [ "$(cat "$VENV/.installed")" = "$(fingerprint)" ] && "$VENV/bin/python" -c '' 2>/dev/null
}

# A .venv that was made half, that was moved or whose Python is gone is not worth mending.
venv_is_sound() {
  [ ! -e "$VENV/.incomplete" ] && is_python310 "$VENV/bin/python" &&
    { [ ! -f "$VENV/.place" ] || [ "$(cat "$VENV/.place")" = "$ROOT" ]; }
}

create_venv() {
  python=$(find_python310)
  if [ -z "$python" ]; then
    say "No Python 3.10 on this machine: fetching one (about 30 MB)"
    "$UV" python install 3.10 >&2 || fail "no Python 3.10 was found and none could be fetched" \
      "what to do: install Python 3.10 (for instance: pyenv install 3.10) so that python3.10 runs, then run this again"
    python=3.10
  fi
  rm -rf "$VENV"
  "$UV" venv --quiet --python "$python" "$VENV" || fail "the virtual environment .venv could not be made with $python"
  printf '%s' "$ROOT" > "$VENV/.place"
}

install() {
  check_platform
  need_uv
  venv_is_sound || create_venv
  : > "$VENV/.incomplete"
  rm -f "$VENV/.installed"
  say "Installing the packages of requirements.lock into .venv (3 GB; the first time takes some minutes)"
  "$UV" pip sync --quiet --python "$VENV/bin/python" requirements.lock || fail "the packages could not be installed" \
    "what to do: the cause stands above; check network, package index and disk space (5 GB), then run this again"
  "$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable . ||
    fail "the project itself could not be installed into .venv"
  fingerprint > "$VENV/.installed"
  rm -f "$VENV/.incomplete"
}

case "${1:-install}" in
  uv) shift; need_uv; exec "$UV" "$@" ;;
  install)
    venv_is_current && exit 0
    mkdir -p "$PRIVATE_UV"
    if command -v flock >/dev/null 2>&1; then # two calls at once (make run beside make test): one installs, the other waits
      exec 9> "$PRIVATE_UV/lock"
      flock 9
      venv_is_current && exit 0
    fi
    install 9>&- ;;
  *) fail "unknown argument: $1" "expected: nothing, or uv ARGS..." ;;
esac
