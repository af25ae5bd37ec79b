#!/bin/sh
# Makes the Dockerfile's base image where no image registry can be reached: Debian by debootstrap, and Python 3.10
# from this machine.
#
#   tools/base_image.sh [NAME]      default: python:3.10-slim-bookworm, the name in the Dockerfile
#
# Needs root, docker, debootstrap, a Debian mirror and a Python 3.10 under a prefix of its own (pyenv's, for instance).
set -eu

NAME=${1:-python:3.10-slim-bookworm}
ROOTFS=$(mktemp -d)
trap 'rm -rf "$ROOTFS"' EXIT

PREFIX=${PYTHON_PREFIX:-$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10.* 2>/dev/null | sort -V | tail -n 1)}
[ -x "$PREFIX/bin/python3.10" ] || {
  echo "base_image: no Python 3.10 was found" >&2
  echo "  expected: a prefix with bin/python3.10 in PYTHON_PREFIX, or pyenv's" >&2
  exit 1
}

# What python:3.10-slim has: the libraries that the standard library links, and certificates.
debootstrap --variant=minbase \
  --include=ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libreadline8,libsqlite3-0,libssl3,libuuid1,netbase,tzdata,zlib1g \
  bookworm "$ROOTFS" >&2
rm -rf "$ROOTFS"/var/cache/apt/archives/*.deb "$ROOTFS"/var/lib/apt/lists/* "$ROOTFS"/usr/share/doc/* "$ROOTFS"/usr/share/man/*
cp /etc/ssl/certs/ca-certificates.crt "$ROOTFS/etc/ssl/certs/ca-certificates.crt" # a company's own authority included
tar -C "$PREFIX" --exclude=__pycache__ --exclude='lib/python3.10/test' --exclude='lib/python3.10/site-packages' \
  --exclude='lib/python3.10/config-*' --exclude='*.a' --exclude='share' -cf - . | tar -C "$ROOTFS/usr/local" -xf -
mkdir -p "$ROOTFS/usr/local/lib/python3.10/site-packages"
ln -sf python3.10 "$ROOTFS/usr/local/bin/python3"
ln -sf python3.10 "$ROOTFS/usr/local/bin/python"
chroot "$ROOTFS" ldconfig
chroot "$ROOTFS" /usr/local/bin/python -m ensurepip >/dev/null
tar -C "$ROOTFS" -c . | docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
  --change 'CMD ["python3"]' - "$NAME" >&2
echo "$NAME"
