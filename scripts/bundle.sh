#!/bin/sh
# Packs facegrad for a machine that has only a GPU driver: see docs/bundle.md, or scripts/bundle.sh --help.
exec node "$(dirname "$0")/bundle/main.mjs" "$@"
