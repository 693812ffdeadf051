#!/bin/bash
# What forking is worth: a forked crash trial, all of it (start, fork, crash, second kernel, evidence, verdict), against plain QEMU
# that boots the same images, crashes them and gets to the same end (replay.sh of a cold trial). In pairs, A B A B, so that
# a host whose speed drifts slows both. Then trials an hour, one at a time and as many as the host has CPUs, and what a fork
# consists of. The cache's templates are made again.
#
#   tests/bench/fork.sh [PAIRS] [ARCH]
set -euo pipefail
pairs=${1:-5} arch=${2:-arm64} trials=5
root=$(cd "$(dirname "$0")/../.." && pwd)
crashpath=$root/build/release/cli/crashpath
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # SCENARIO OPTIONS...: a run into $work/run, which is empty afterwards
  rm -rf "$work/run"
  "$crashpath" run --arch "$arch" --scenario-dir "$root/tests/bench/scenarios" --scenario "$1" --output "$work/run" "${@:2}" \
    > "$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; exit 1; }
}
seconds() { # COMMAND...
  local begin end
  begin=$(date +%s%N)
  "$@"
  end=$(date +%s%N)
  echo "$begin $end" | awk '{ printf "%.3f", ($2 - $1) / 1e9 }'
}
plain() { sh "$work/cold/replay.sh" > "$work/log" 2>&1 </dev/null && grep -q 'crashpath: replay: done' "$work/log"; }

# Warm up: images, page cache, the template, and the script to compare with.
run bench.cold --cold
mv "$work"/run/*bench.cold-1 "$work/cold"
rm -rf "${XDG_CACHE_HOME:-$HOME/.cache}/crashpath/templates"
run bench.fork --repeat 2 -j1

printf '%-6s %14s %12s %8s\n' pair 'forked trial s' 'plain s' times
for pair in $(seq "$pairs"); do
  forked=$(seconds run bench.fork --repeat "$trials" -j1)
  plain=$(seconds plain)
  echo "$forked $plain" | awk -v pair="$pair" -v trials="$trials" \
    '{ printf "%-6s %14.2f %12.2f %8.2f\n", pair, $1 / trials, $2, $2 * trials / $1 }'
done | tee "$work/pairs"
sort -k4 -n "$work/pairs" | awk '{ times[NR] = $4 } END { print "median: " times[int((NR + 1) / 2)] " times as fast" }'

an_hour() { # JOBS
  local all count=$((20 * $1))
  all=$(seconds run bench.fork --repeat "$count" -j"$1")
  echo "$all" | awk -v count="$count" -v jobs="$1" '{ printf "%d trials with -j%d in %.1f s: %.0f an hour\n", count, jobs, $1, 3600 * count / $1 }'
}
an_hour 1
an_hour "$(nproc)"

# values NAME FILE...: the numbers of a member, from the smallest to the largest
values() { grep -ohP "\"$1\":\K[-+0-9.E]+" "${@:2}" | awk '{ print $1 + 0 }' | sort -g; }
median() { awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
echo "a template is saved in $(values saving "${XDG_CACHE_HOME:-$HOME/.cache}"/crashpath/templates/*/template.json | tail -n 1) s"
answers=$(for trial in "$work"/run/*/agent.jsonl; do values t "$trial" | awk '$1 > 0' | head -n 1; done | sort -g | median)
echo "a fork's agent answers after $answers s"
run panic.sysrq
mapfile -t own < <(values own_bytes "$work"/run/*/moments.jsonl)
echo "of its memory a fork of panic.sysrq has $((own[0] >> 20)) MiB to itself at the crash, $((own[-1] >> 20)) MiB after the dump"
