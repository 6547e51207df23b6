#!/usr/bin/env bash
# Compiles every package for every platform that mstore runs on.
set -euo pipefail
cd "$(dirname "$0")/.."

for os in linux darwin windows; do
  for arch in amd64 arm64; do
    echo "build $os/$arch"
    CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -o /dev/null ./...
  done
done
