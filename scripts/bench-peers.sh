#!/usr/bin/env bash
# Installs the programs that `make bench` measures mstore beside, where the
# package manager is apt and we may use it. Without them the benchmark skips
# what is missing, so this is never needed.
set -euo pipefail

declare -A package=([git]=git [git-lfs]=git-lfs [restic]=restic [borg]=borgbackup [zstd]=zstd [rclone]=rclone)
missing=()
for program in git git-lfs restic borg zstd rclone; do
  command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "all peers are installed"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "please install: ${missing[*]}" >&2
  exit 1
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
