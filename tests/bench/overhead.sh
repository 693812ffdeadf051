#!/bin/bash
# What the harness costs: whole-process time of one cold trial against plain QEMU booting the same images to the same end
# (the trial's own replay.sh), in pairs, A B A B, so that a host whose speed drifts slows both. Prints each pair's
# ratio and their median.
#
#   tests/bench/overhead.sh [PAIRS] [ARCH] [SCENARIO]
set -euo pipefail
pairs=${1:-5} arch=${2:-arm64} scenario=${3:-panic.sysrq}
root=$(cd "$(dirname "$0")/../.." && pwd)
crashpath=$root/build/release/cli/crashpath
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seconds() { # of a command whose output is kept in a file
  local log=$1 begin end
  shift
  begin=$(date +%s%N)
  "$@" > "$log" 2>&1 </dev/null || { cat "$log" >&2; exit 1; }
  end=$(date +%s%N)
  echo "$begin $end" | awk '{ printf "%.3f", ($2 - $1) / 1e9 }'
}

# Warm up: images, page cache, and the script to compare with.
"$crashpath" run --cold --arch "$arch" --scenario "$scenario" --output "$work/warm" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
replay=$(echo "$work"/warm/*/replay.sh)

printf '%-6s %12s %12s %8s\n' pair 'crashpath s' 'plain s' ratio
for pair in $(seq "$pairs"); do
  ours=$(seconds "$work/log" "$crashpath" run --cold --arch "$arch" --scenario "$scenario" --output "$work/$pair")
  plain=$(seconds "$work/log" sh "$replay")
  grep -q 'crashpath: replay: done' "$work/log" || { cat "$work/log" >&2; exit 1; }
  rm -rf "${work:?}/$pair"
  echo "$ours $plain" | awk -v pair="$pair" '{ printf "%-6s %12.2f %12.2f %8.3f\n", pair, $1, $2, $1 / $2 }'
done | tee "$work/pairs"
sort -k4 -n "$work/pairs" | awk '{ ratio[NR] = $4 } END { print "median ratio", ratio[int((NR + 1) / 2)] }'
