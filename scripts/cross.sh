#!/usr/bin/env bash
# Compiles every package for platforms. Usage: cross.sh GOOS/GOARCH...
set -euo pipefail
cd "$(dirname "$0")/.."

for target; do
  echo "build $target"
  CGO_ENABLED=0 GOOS=${target%/*} GOARCH=${target#*/} go build -o /dev/null ./...
done
