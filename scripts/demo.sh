#!/usr/bin/env bash
# Walks through the main job of mstore on the real models of testdata/models,
# in a temporary directory, printing each command as it runs it. Exits non-zero
# as soon as anything is not as it should be. Usage: demo.sh MSTORE
set -euo pipefail

mstore=$(realpath "${1:?usage: demo.sh MSTORE}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
shelf=$here/testdata/models
temp=$(mktemp -d)
trap 'code=$?; rm -rf "$temp"; [ "$code" -eq 0 ] || echo "demo: FAILED (exit code $code)" >&2' EXIT
unset MSTORE_DIR SOURCE_DATE_EPOCH
PATH=$(dirname "$mstore"):$PATH
mkdir "$temp/project"
cd "$temp/project"

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
chapter() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# prompt prints a command as one would type it.
prompt() {
  local word line='$'
  for word; do
    case $word in
      *[!A-Za-z0-9_./:=@~+,-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "${line//$shelf/models}"
}

run() { prompt "$@"; "$@"; }

# same FILE ORIGINAL: are they the same, byte for byte?
same() { run cmp "$1" "$2" && echo "  identical"; }

fail() { echo "demo: $*" >&2; exit 1; }

field() { grep -oE "\"$1\": [-0-9.e]+" "$2" | head -n 1 | sed 's/.*: //'; }

chapter "A store is one command away"
run mstore init

chapter "Four releases of a language model (wink-eng-lite, JSON), as they came out"
mkdir nlp
release() { # VERSION DATE MESSAGE [FLAG...]
  run cp "$shelf/wink-eng-lite/$1/eng-ner-model.json" "$shelf/wink-eng-lite/$1/eng-pos-model.json" nlp/
  run mstore commit nlp -m "$3" --date "$2T12:00:00Z" --param "release=$1" "${@:4}"
}
release 1.1.0 2021-05-22 'wink-eng-lite 1.1.0: lemmas'
release 1.4.3 2022-08-20 'wink-eng-lite 1.4.3: behind-the-scenes updates'
release 1.5.0 2023-03-27 'wink-eng-lite 1.5.0: better POS tagging' --metric pos_accuracy=0.95
release 1.8.1 2024-11-30 'wink-eng-lite 1.8.1: state inconsistency resolved'

chapter "Three saves of a musical oracle (JSON full of floats), with parameters and metrics"
mkdir oracle
for save in 1 2 3; do
  from=$shelf/oracle/save$save/audio_oracle.json
  run cp "$from" oracle/
  run mstore commit oracle -m "training, save $save" --param "events=$(field sequence_length "$from")" --metric "loss=$(field loss "$from")"
done

chapter "A tensor file (safetensors, bf16) and its fine-tune"
mkdir weights
run cp "$shelf/safetensors/base/decoder.safetensors" weights/
run mstore commit weights -m 'decoder, base' --param lr=0.001
run cp "$shelf/safetensors/finetune/decoder.safetensors" weights/
run mstore commit weights -m 'decoder, fine-tuned' --param lr=0.0001

chapter "Saying it again makes no new version"
run mstore commit nlp oracle weights -m 'nothing new'

chapter "What happened"
run mstore log
run mstore log nlp/eng-pos-model.json -n 2

chapter "What changed, value by value, and which was the best"
run mstore diff v6 v7 --limit 4 | tee "$temp/out"
grep -q 'loss' "$temp/out" || fail "diff does not tell that the loss changed"
run mstore diff v8 v9 --stat
run mstore best --metric loss --min | tee "$temp/out"
grep -q '^v[0-9]' "$temp/out" || fail "best names no version"

chapter "Give a version a name, and look at it"
run mstore tag nlp-1.5 v3
run mstore show nlp-1.5
run mstore ls nlp-1.5

chapter "A model is damaged in the working directory. Get it back"
echo '$ : > nlp/eng-pos-model.json'
: >nlp/eng-pos-model.json
run mstore status
run mstore checkout HEAD nlp/eng-pos-model.json
same nlp/eng-pos-model.json "$shelf/wink-eng-lite/1.8.1/eng-pos-model.json"

chapter "Go back to an old version. Work that was not saved is not lost"
echo "\$ echo '{\"unsaved\": true}' > oracle/audio_oracle.json"
echo '{"unsaved": true}' >oracle/audio_oracle.json
prompt mstore checkout v1
mstore checkout v1 2>&1 | tee "$temp/out"
same nlp/eng-ner-model.json "$shelf/wink-eng-lite/1.1.0/eng-ner-model.json"
safety=$(grep -oE 'safety/[A-Za-z0-9._-]*[A-Za-z0-9]' "$temp/out" | head -n 1) || fail "checkout named no safety version"
run mstore cat "$safety:oracle/audio_oracle.json" | tee "$temp/out"
grep -qx '{"unsaved": true}' "$temp/out" || fail "the safety version does not hold the unsaved work"

chapter "And forward again"
run mstore checkout HEAD
same nlp/eng-ner-model.json "$shelf/wink-eng-lite/1.8.1/eng-ner-model.json"
same oracle/audio_oracle.json "$shelf/oracle/save3/audio_oracle.json"
same weights/decoder.safetensors "$shelf/safetensors/finetune/decoder.safetensors"

chapter "Try something on a branch"
run mstore branch experiment
run mstore checkout experiment
mkdir trees
run cp "$shelf/leaves/lg_dart_breast_cancer.json" trees/
run mstore commit trees -m 'a gradient-boosted model beside it' --param boosting=dart
run mstore checkout main
[ ! -e trees/lg_dart_breast_cancer.json ] || fail "main has the model of the branch"
run mstore branch

chapter "Any model of any version, without touching the working directory"
compare() { # REV:PATH ORIGINAL
  printf '%s\n' "\$ mstore cat $1 | cmp - ${2//$shelf/models}"
  mstore cat "$1" | cmp - "$2"
  echo "  identical"
}
compare v1:nlp/eng-pos-model.json "$shelf/wink-eng-lite/1.1.0/eng-pos-model.json"
compare v5:oracle/audio_oracle.json "$shelf/oracle/save1/audio_oracle.json"
compare v8:weights/decoder.safetensors "$shelf/safetensors/base/decoder.safetensors"
compare experiment:trees/lg_dart_breast_cancer.json "$shelf/leaves/lg_dart_breast_cancer.json"

chapter "A save that was cut off in the middle: refused, and not lost"
echo '$ head -c 100000 models/oracle/save3/audio_oracle.json > oracle/audio_oracle.json'
head -c 100000 "$shelf/oracle/save3/audio_oracle.json" >oracle/audio_oracle.json
prompt mstore commit oracle --validate=strict
status=0
mstore commit oracle --validate=strict 2>&1 | tee "$temp/out" || status=$?
echo "  (exit code $status)"
[ "$status" -eq 1 ] || fail "a broken model gave exit code $status, not 1"
refused=$(grep -oE 'quarantine/[A-Za-z0-9-]*' "$temp/out" | head -n 1) || fail "commit named no quarantined version"
mstore cat "$refused:oracle/audio_oracle.json" | cmp - oracle/audio_oracle.json || fail "what was refused is not kept"
run mstore checkout HEAD oracle
same oracle/audio_oracle.json "$shelf/oracle/save3/audio_oracle.json"
run mstore audit .

chapter "Prove that everything is intact"
run mstore fsck
run mstore stats

chapter "One bit rots in a copy of the store: fsck finds it and says what it hurts"
mkdir ../copy
run cp -R .mstore ../copy/
cd ../copy
# the largest file below objects is a pack; its middle is content
pack=$(find .mstore/objects -type f -exec wc -c {} + | grep -v ' total$' | sort -n | tail -n 1 | sed 's/^ *[0-9]* //')
middle=$(($(wc -c <"$pack") / 2))
byte=$(od -An -tu1 -j "$middle" -N 1 "$pack" | tr -d ' ')
echo "\$ # flip one bit of byte $middle of $pack"
chmod u+w "$pack"
# shellcheck disable=SC2059
printf "\\$(printf '%03o' $((byte ^ 1)))" | dd of="$pack" bs=1 seek="$middle" conv=notrunc status=none
prompt mstore fsck
status=0
mstore fsck >"$temp/out" 2>&1 || status=$?
cat "$temp/out"
echo "  (exit code $status)"
[ "$status" -eq 1 ] || fail "fsck of the damaged copy gave exit code $status, not 1"
grep -qE '(nlp|oracle|weights|trees)/[a-z_-]+\.' "$temp/out" || fail "fsck did not name the model"
grep -qE '\bv[0-9]+\b' "$temp/out" || fail "fsck did not name the versions"
cd ../project
run mstore fsck --quick

printf '\n%sdemo: everything was as it should be%s\n' "$bold" "$plain"
