# shellcheck shell=bash
# The linters. Sourced by run-tests; each function prints what is wrong and returns 1 when something is.
: "${tree:?}" "${build:?}" "${jobs:?}"

# files EXPRESSION: those of the source tree that find's expression selects, each ended by a zero byte.
files() {
  cd "$tree" && find . \( -path ./build -o -path ./runs -o -path ./.git \) -prune -o -type f \( "$@" \) -print0 |
    sort -z
}

# Probes are formatted as the kernel is.
lint_format() {
  local bad
  bad=$(files -name '*.cc' -o -name '*.h' -not -path './guestimages/probes/include/*' | xargs -0 clang-format --dry-run 2>&1 |
    sed -n 's/^\.\/\([^ :]*\):.*\[-Wclang-format-violations\]$/\1/p' | uniq) || return 1
  [[ -z $bad ]] && return
  printf 'not formatted; run: clang-format -i %s\n' "${bad//$'\n'/ }"
  return 1
}

lint_shell() {
  files -name '*.sh' -o -name crashpath -o -name run-tests -o -path ./.ci/run | xargs -0 shellcheck -x
}

# clang-tidy spends nearly all of its time on the headers of libraries, so it reads what the release build compiles:
# several files as one (CMake's unity build). Tests, which are half of everything, are left to the compilers' warnings.
# One that passed is not read again while its files and all headers stay as they are.
lint_tidy() {
  local headers units
  headers=$(files -name '*.h' -o -name .clang-tidy | xargs -0 cat | sha256sum)
  units=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/release/compile_commands.json" | sort -u |
    grep -v "^$build/release/tests/\|^$tree/tests/") || return 1
  mkdir -p "$build/tidy"
  export tree build headers
  export -f tidy
  # shellcheck disable=SC2016 # for the inner shell
  xargs -d '\n' -P "$jobs" -I '{}' bash -c 'tidy "$1"' tidy '{}' <<<"$units"
}

# tidy FILE: a source file, or one that includes several.
tidy() {
  local -a sources
  local passed output
  mapfile -t sources < <(sed -n 's/^#include "\(\/.*\)"$/\1/p' "$1")
  ((${#sources[@]})) || sources=("$1")
  passed="$build/tidy/$(cat "${sources[@]}" <(echo "$1 $headers") | sha256sum | cut -d ' ' -f 1)"
  [[ ! -f $passed ]] || return 0
  output=$(clang-tidy -p "$build/release" --extra-arg=-Wno-unknown-warning-option --quiet "$1" 2>/dev/null) && : >"$passed" && return
  printf '%s\n' "${output//"$tree/"/}"
  return 1
}
