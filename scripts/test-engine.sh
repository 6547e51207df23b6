#!/usr/bin/env bash
# Runs the tests that need a real S3 engine against Ceph on this machine
# (engine.sh), which is started for them and stopped after them, unless it ran
# before. Where it cannot be started, says why and fails. Usage: test-engine.sh [-run REGEXP] [go test's other flags]
set -euo pipefail
cd "$(dirname "$0")/.."
engine=scripts/engine.sh

ours=
$engine status >/dev/null 2>&1 || [ $? -ne 3 ] || ours=yes
finish() {
  local code=$?
  [ "$code" -eq 0 ] || $engine logs >&2 || true
  [ -z "$ours" ] || $engine down
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

$engine up
eval "$($engine env)"
using() { grep -rlE "$1" --include='*_test.go' . | xargs -r -n1 dirname | sort -u; }
mapfile -t sharing < <(using 'buckettest\.Engine\(')
mapfile -t alone < <(using 'enginetest\.New\(') # some of their tests end parts of the engine
status=0
go test -count=1 -timeout 20m "$@" "${sharing[@]}" || status=$?
go test -count=1 -p 1 -timeout 20m "$@" "${alone[@]}" || status=$?
exit "$status"
