#!/bin/sh
# Makes the Dockerfile's base image where no image registry can be reached: Debian 13 with its own Python, by debootstrap.
#
#   tools/base_image.sh [NAME]      default: python:3.13-slim-trixie, the name in the Dockerfile
#
# Needs root, docker, debootstrap and a Debian mirror.
set -eu

NAME=${1:-python:3.13-slim-trixie}
ROOTFS=$(mktemp -d)
trap 'rm -rf "$ROOTFS"' EXIT

debootstrap --variant=minbase --include=ca-certificates,netbase,python3,python3-venv,tzdata trixie "$ROOTFS" >&2
rm -rf "$ROOTFS"/var/cache/apt/archives/*.deb "$ROOTFS"/var/lib/apt/lists/* "$ROOTFS"/usr/share/doc/* "$ROOTFS"/usr/share/man/*
cp /etc/ssl/certs/ca-certificates.crt "$ROOTFS/etc/ssl/certs/ca-certificates.crt" # a company's own authority included
# Where the image of Docker Hub has it.
python=$(basename "$(readlink -f "$ROOTFS/usr/bin/python3")")
ln -s "/usr/bin/$python" "$ROOTFS/usr/local/bin/$python"
ln -s "$python" "$ROOTFS/usr/local/bin/python3"
ln -s "$python" "$ROOTFS/usr/local/bin/python"
tar -C "$ROOTFS" -c . | docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
  --change 'CMD ["python3"]' - "$NAME" >&2
echo "$NAME"
