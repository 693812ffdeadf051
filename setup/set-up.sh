# shellcheck shell=bash
# The set-up that ./crashpath and ./run-tests share: Debian packages, configuration, build. Both source it with `tree`
# set to the root of the source tree. With nothing to do it costs some hundredths of a second.
#
# Everything it says goes to standard error, since standard output belongs to the program. It asks nothing.

readonly tree=${tree:?the root of the source tree}
readonly build="$tree/build"
readonly host_error=3 # exit status, the same as that of `crashpath run`

say() { printf 'crashpath: %s\n' "$*" >&2; }

# fail MESSAGE [HINT]
fail() {
  say "$1"
  [[ -z ${2-} ]] || printf '  hint: %s\n' "$2" >&2
  exit "$host_error"
}

# What the log of a failed command shows, in threes: pattern, what it means, hint. The first match counts.
readonly -a known_failures=(
  'No space left on device|enough free space'
  'the disk is full' 'free some space (df -h shows where), then start again'
  'Could not get lock|Unable to acquire the dpkg frontend lock'
  'another package manager is at work' 'wait until it is done, then start again'
  'dpkg was interrupted'
  'an earlier installation was interrupted' 'run as root: dpkg --configure -a'
  'Could not resolve|Temporary failure|Could not connect|Unable to connect|Network is unreachable|timed out'
  'the package mirror does not answer' 'check the network and the mirror in /etc/apt: apt-get update shows it'
  'not installable|Unable to locate package|no installation candidate|unsat. dep|unmet dependencies'
  'this system does not offer these packages' 'crashpath needs Debian 12 or later; see the suites in /etc/apt'
  'Read-only file system|Permission denied'
  'something is not writable' 'the lines above name it'
  'Killed signal terminated|virtual memory exhausted|out of memory'
  'the compiler ran out of memory' 'free some, then start again: what is built stays built'
)

# shellcheck source=setup/packages.sh
source "$tree/setup/packages.sh"

# fail_with_log WHAT LOG: shows the end of the log, and the cause where it is a known one.
fail_with_log() {
  local what=$1 log=$2 i
  printf -- '--- from %s\n' "$log" >&2
  # What a compiler said stands behind ninja's FAILED.
  { sed -n '/^FAILED: /,$p' "$log" | head -n 60 | grep . || tail -n 25 "$log"; } >&2
  printf -- '---\n' >&2
  disk_is_full "$build" && fail "$what: the disk of $build is full" "${known_failures[2]}"
  for ((i = 0; i < ${#known_failures[@]}; i += 3)); do
    grep -qE "${known_failures[i]}" "$log" && fail "$what: ${known_failures[i + 1]}" "${known_failures[i + 2]}"
  done
  fail "$what" "the whole log is $log"
}

# Then a log may lack the very line that says so.
disk_is_full() { (($(df --output=avail -k "$1" | tail -n 1) < 4096)); }

# show_progress WHAT LOG [NO_WORK]: appends standard input to LOG. A terminal sees the newest line of it, others hear
# once that WHAT has begun. Lines that match NO_WORK do not count as work.
show_progress() {
  local what=$1 log=$2 no_work=${3-^$} line began='' live=''
  [[ -t 2 && ${TERM-dumb} != dumb ]] && live=yes
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log" 2>/dev/null || true # on a full disk fail_with_log says so
    [[ $line =~ $no_work ]] && continue
    if [[ -n $live ]]; then
      line="crashpath: $what: ${line//$'\r'/}"
      printf '\r\033[K%s' "${line:0:${COLUMNS:-80}-1}" >&2
    elif [[ -z $began ]]; then
      say "$what (log: $log)"
    fi
    began=yes
  done
  [[ -z $live || -z $began ]] || printf '\r\033[K' >&2
}

# One set-up of a tree at a time: descriptor 9 holds the lock until end_set_up.
begin_set_up() {
  export HOME=${HOME:-/root} # ccache wants one
  if ! mkdir -p "$build" || ! : >>"$build/.lock"; then
    fail "cannot write to $build" 'crashpath builds inside of its source tree: make that writable or use a copy of it'
  fi
  exec 9>>"$build/.lock"
  flock -n 9 && return
  say 'waiting for the set-up of another start'
  flock 9
}
end_set_up() { exec 9>&-; }

# ensure_configured PRESET: configures build/PRESET unless that was done, and done for a tree in this place.
ensure_configured() {
  local log="$build/$1.log"
  : >"$log"
  [[ -f $build/$1/build.ninja ]] &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$tree" "$build/$1/CMakeCache.txt" && return
  (cd "$tree" && cmake --fresh --preset "$1") </dev/null 2>&1 9>&- |
    show_progress "configuring $1" "$log" || fail_with_log 'cannot configure the build' "$log"
}

# ensure_built PRESET TARGET...: builds what is not current.
ensure_built() {
  local preset=$1 log="$build/$1.log"
  shift
  ensure_configured "$preset"
  ninja -C "$build/$preset" "$@" </dev/null 2>&1 9>&- |
    show_progress "building $preset" "$log" '^ninja: |Re-checking globbed' || fail_with_log 'cannot build' "$log"
}
