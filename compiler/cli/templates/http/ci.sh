#!/usr/bin/env sh
# What guards the main branch; any CI can run it. On GitHub, `--format github` annotates the lines.
set -eu
cd "$(dirname "$0")"
flowc check --deny warnings flows
flowc fmt --check flows
flowc test flows
