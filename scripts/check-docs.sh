#!/usr/bin/env bash
# Are the documents up to date? Every relative link must lead somewhere, every
# `make` target and every command of mstore must be named where a reader looks
# for it. Usage: check-docs.sh MSTORE
set -euo pipefail
mstore=$(realpath "${1:?usage: check-docs.sh MSTORE}")
cd "$(dirname "$0")/.."

bad=0
complain() { echo "docs: $*" >&2; bad=1; }

while IFS= read -r file; do
  while IFS= read -r link; do
    target=${link%%#*}
    case $target in
      '' | *://* | mailto:*) continue ;;
    esac
    [ -e "$(dirname "$file")/$target" ] || complain "$file: no such file: $target"
  done < <(awk '/^ *```/ { fence = !fence } !fence' "$file" | sed 's/`[^`]*`//g' | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
done < <(find . -name '*.md' -not -path './.git/*' -not -path './.bench/*')

for file in README.md CHANGELOG.md docs/format.md docs/ordering.md docs/cli.md docs/architecture.md; do
  [ -s "$file" ] || complain "$file is missing"
done

commands=$("$mstore" --help | awk '/^[A-Z].*:$/ { on = /[Cc]ommands:$/; next } on && /^  [a-z]/ { print $1 }')
[ -n "$commands" ] || complain "mstore --help lists no commands"
for command in $commands; do
  case $command in help | completion) continue ;; esac
  grep -qE "mstore $command\b" docs/cli.md 2>/dev/null || complain "docs/cli.md does not name: mstore $command"
done

while IFS= read -r target; do
  grep -qE "^$target:" Makefile || complain "README.md names make $target, which the Makefile does not have"
done < <({ grep -ohE '(^|[`$ ])make [a-z][a-z-]*' README.md 2>/dev/null || true; } | grep -E '^[`$]|^make|`' | sed 's/.*make //' | sort -u)

[ "$bad" -eq 0 ] && echo "docs: up to date"
exit "$bad"
