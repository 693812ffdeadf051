#!/usr/bin/env bash
# Kills runs of crashpath at random moments, and looks for what they left behind after the next one. A run that had ended
# before its moment came does not count. LONGEST: seconds within which the moments lie (20).
#
#   random-kills.sh CRASHPATH TIMES [MACHINE]     for example: random-kills.sh build/release/cli/crashpath 10 libvirt
#
# Status 1 where something was left: a QEMU, a directory of an embedded libvirt, a volume or domain of crashpath's in
# libvirt, scratch files, results that cannot be read. What each round found is said line by line.
set -euo pipefail
crashpath=$(realpath "$1") times=$2
readonly crashpath times machine=${3:-qemu} longest=${LONGEST:-20}
workspace=$(mktemp -d /var/tmp/crashpath-kills.XXXXXX)
readonly workspace
failures=0 killed=0

complain() {
  echo "LEFT: $*"
  failures=$((failures + 1))
}

# What a run that was killed left, once another has run.
look_for_leftovers() {
  local -r run=$1 pid=$2
  local found
  found=$(pgrep -af "qemu-system.*($run/|crashpath-$EUID/$pid\.)" || true)
  [[ -z $found ]] || complain "guest: ${found:0:120}"
  found=$(find "/var/tmp/crashpath-$EUID" -maxdepth 1 -name "$pid.*" 2>/dev/null || true)
  [[ -z $found ]] || complain "directory: $found"
  found=$(find "${XDG_CACHE_HOME:-$HOME/.cache}/crashpath" -name ".new-$pid-*" 2>/dev/null || true)
  [[ -z $found ]] || complain "half-written: $found"
  # Also of domains and volumes, which are elsewhere.
  found=$("$crashpath" doctor --clean --machine "$machine" | grep -v '^nothing was left behind$' || true)
  [[ -z $found ]] || complain "to be cleaned: $found"
  while IFS= read -r -d '' file; do
    python3 -m json.tool "$file" >/dev/null 2>&1 || complain "unreadable: $file"
  done < <(find "$run" \( -name 'verdict.json' -o -name 'results.json' -o -name 'trial.json' \) -print0 2>/dev/null)
}

for ((i = 1; killed < times; i++)); do
  run="$workspace/run-$i"
  "$crashpath" run --output "$run" --machine "$machine" >"$workspace/out-$i" 2>&1 </dev/null &
  pid=$!
  wait_ms=$((RANDOM * 32768 + RANDOM)) && wait_ms=$((wait_ms % (longest * 1000)))
  sleep "$((wait_ms / 1000)).$(printf %03d $((wait_ms % 1000)))"
  ended='had ended'
  if kill -KILL "$pid" 2>/dev/null; then ended=killed killed=$((killed + 1)); fi
  wait "$pid" 2>/dev/null || true
  stages=$(tail -qn 1 "$run"/*/timeline.jsonl 2>/dev/null | grep -oP '"(stage|end)":"\K[^"]+' | paste -sd ' ' || true)
  next=passes
  "$crashpath" run --output "$workspace/next-$i" --machine "$machine" --arch arm64 >"$workspace/next-out-$i" 2>&1 </dev/null || next="ends with $?"
  printf 'round %2d: %s after %5d ms (%s); the next run %s\n' "$i" "$ended" "$wait_ms" "${stages:-no trial yet}" "$next"
  [[ $next == passes ]] || complain "a next run that does not pass: $workspace/next-out-$i"
  look_for_leftovers "$run" "$pid"
done
echo "$failures things left behind by $killed killed runs"
((failures == 0)) && rm -rf "$workspace"
