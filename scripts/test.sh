#!/usr/bin/env bash
# Runs `go test` with the given arguments on all packages, and closes with one
# line for each package and a total. Exit code: that of go test.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(mktemp)
trap 'rm -f "$out"' EXIT
start=$SECONDS
status=0
# The two that take longest first, so that no processor waits for them at the end.
go test "$@" ./store ./cmd/mstore ./... 2>&1 | tee "$out" || status=$?

echo
echo "== go test${*:+ $*} =="
grep -E '^(ok|FAIL|---|panic:)[[:space:]:]' "$out" || true
passed=$(grep -cE '^ok[[:space:]]' "$out" || true)
failed=$(grep -cE '^FAIL[[:space:]]' "$out" || true)
if [ "$status" -eq 0 ]; then
  echo "PASS: $passed packages ok, $failed failed, in $((SECONDS - start)) s"
else
  echo "FAIL: $passed packages ok, $failed failed, in $((SECONDS - start)) s"
fi
exit "$status"
