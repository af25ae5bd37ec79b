#!/bin/sh
# Makes .venv hold exactly what the lock of this machine says, and this project itself.
#
#   glibc 2.39 or newer (Debian 13, Ubuntu 24.04)    requirements.lock         Python 3.13 or 3.12
#   older (Debian 12, Ubuntu 22.04, Colab)           requirements-legacy.lock  Python 3.10
#
#   tools/bootstrap.sh              install; says only which lock it is when .venv is up to date
#   tools/bootstrap.sh choose       say which lock this machine takes and why
#   tools/bootstrap.sh uv ARGS...   run the uv that the installation uses
#
# Needs git, make, any Python 3.8 or newer and a package registry. Where a private index is set for
# pip (PIP_INDEX_URL, PIP_CERT), uv is given the same one.
set -eu

UV_VERSION=0.13.9
NEEDED_GLIBC=2.39 # what the wheels of TFX 1.21 (TFDV, MLMD) are built for
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

# ---- Which lock, which Python ----------------------------------------------------------------------------------------

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Sets LOCK, MINORS (Pythons, best first) and REASON.
choose_lock() {
  platform="$(uname -s) $(uname -m)"
  [ "$platform" = "Linux x86_64" ] || fail "this platform has no wheels of ScaNN and TFX" \
    "expected: Linux x86_64" "received: $platform" "what to do: use a Linux machine, a container or WSL"
  glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p')
  [ -n "$glibc" ] || fail "this Linux has no glibc, and TensorFlow has no wheels for another C library" \
    "expected: glibc 2.28 or newer" "received: another one (musl?)" "what to do: use Debian, Ubuntu or a container of them"
  if at_least "$glibc" "$NEEDED_GLIBC"; then
    LOCK=requirements.lock MINORS="3.13 3.12"
    REASON="TFX 1.21 and TensorFlow 2.20, for glibc is $glibc"
  else
    LOCK=requirements-legacy.lock MINORS="3.10"
    REASON="TFX 1.16 and TensorFlow 2.16, for glibc is $glibc and TFX 1.21 needs $NEEDED_GLIBC; the container images have it (make images)"
  fi
}

# A pyenv shim may stand on PATH and refuse to run, and a Python built by hand may lack modules: only trying tells.
is_python() { # PROGRAM MINOR
  [ -n "$1" ] && "$1" -c "import sys, ctypes, sqlite3, ssl, zlib; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1
}

pyenv_versions() {
  pyenv_root=$(pyenv root 2>/dev/null || true)
  ls -d "${pyenv_root:-${HOME:-}/.pyenv}"/versions/"$1".* "${HOME:-}"/.pyenv/versions/"$1".* 2>/dev/null | sort -t. -k3 -n -r
}

find_minor() {
  for candidate in "$(command -v "python$1" || true)" "$(command -v python3 || true)" /usr/bin/python3; do
    if is_python "$candidate" "$1"; then echo "$candidate"; return; fi
  done
  pyenv_versions "$1" | while read -r version; do
    if is_python "$version/bin/python3" "$1"; then echo "$version/bin/python3"; break; fi
  done
}

find_python() {
  for minor in $MINORS; do
    found=$(find_minor "$minor")
    if [ -n "$found" ]; then echo "$found"; return; fi
  done
}

# What .venv was made from: another lock, setup.py or place of the checkout means work to do.
fingerprint() { { cat "$LOCK" setup.py tools/bootstrap.sh; printf '%s\n' "$LOCK" "$ROOT"; } | cksum; }

# ---- uv --------------------------------------------------------------------------------------------------------------

runs_uv() { [ -n "$1" ] && "$1" python list --help >/dev/null 2>&1; }

is_any_python3() { [ -n "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; }

find_any_python3() {
  for candidate in "$(find_python)" "$(command -v python3 || true)" /usr/bin/python3 "$(command -v python || true)"; do
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

# A .venv that was made half, that was moved, whose Python is gone or of the other lock is not worth mending.
venv_is_sound() {
  [ ! -e "$VENV/.incomplete" ] && { [ ! -f "$VENV/.place" ] || [ "$(cat "$VENV/.place")" = "$ROOT" ]; } || return 1
  for minor in $MINORS; do
    if is_python "$VENV/bin/python" "$minor"; then return 0; fi
  done
  return 1
}

create_venv() {
  python=$(find_python)
  if [ -z "$python" ]; then
    wanted=$(printf '%s' "$MINORS" | sed 's/ / or /')
    python=${MINORS%% *}
    say "No Python $wanted on this machine: fetching $python (about 30 MB)"
    "$UV" python install "$python" >&2 || fail "no Python $wanted was found and none could be fetched" \
      "expected: Python $wanted on PATH or pyenv's" "received: $(python3 --version 2>/dev/null || echo 'no python3')" \
      "what to do: install one (Debian 13: apt install python3; else: pyenv install $python), then run this again"
  fi
  rm -rf "$VENV"
  "$UV" venv --quiet --python "$python" "$VENV" || fail "the virtual environment .venv could not be made with $python"
  printf '%s' "$ROOT" > "$VENV/.place"
}

install() {
  need_uv
  venv_is_sound || create_venv
  : > "$VENV/.incomplete"
  rm -f "$VENV/.installed"
  say "Installing the packages of $LOCK into .venv (3 GB; the first time takes some minutes)"
  "$UV" pip sync --quiet --python "$VENV/bin/python" "$LOCK" || fail "the packages could not be installed" \
    "what to do: the cause stands above; check network, package index and disk space (5 GB), then run this again"
  "$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable . ||
    fail "the project itself could not be installed into .venv"
  fingerprint > "$VENV/.installed"
  rm -f "$VENV/.incomplete"
}

announce() {
  say "$LOCK with Python $("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])'): $REASON"
}

choose_lock
case "${1:-install}" in
  uv) shift; need_uv; exec "$UV" "$@" ;;
  choose) say "$LOCK with Python $(printf '%s' "$MINORS" | sed 's/ / or /'): $REASON" ;;
  install)
    if ! venv_is_current; then
      mkdir -p "$PRIVATE_UV"
      if command -v flock >/dev/null 2>&1; then # two calls at once (make run beside make test): one installs, the other waits
        exec 9> "$PRIVATE_UV/lock"
        flock 9
      fi
      venv_is_current || install 9>&-
    fi
    announce ;;
  *) fail "unknown argument: $1" "expected: nothing, choose, or uv ARGS..." ;;
esac
