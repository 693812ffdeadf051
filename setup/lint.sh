# shellcheck shell=bash
# The linters. Sourced by run-tests; each function prints what is wrong and returns 1 when something is.
: "${tree:?}" "${build:?}" "${jobs:?}"

readonly -a rooms=(cli harness guestimages crashpaths memreserve tests)

lint_format() {
  (cd "$tree" && find "${rooms[@]}" \( -name '*.cc' -o -name '*.h' \) -print0 |
    xargs -0 clang-format --dry-run -Werror)
}

lint_shell() {
  (cd "$tree" && find crashpath run-tests .ci/run setup docs tests -type f \
    \( -name '*.sh' -o -name '*.bash' -o -name crashpath -o -name run-tests -o -path .ci/run \) -print0 |
    xargs -0 shellcheck -x)
}

# clang-tidy spends nearly all of its time on the headers of libraries, so it reads a whole library of ours as one file
# (CMake's unity build), and a file that passed is not read again while it and all headers stay as they are.
lint_tidy() {
  local headers
  headers=$(cd "$tree" && find "${rooms[@]}" -name '*.h' -print0 | sort -z | xargs -0 cat .clang-tidy | sha256sum)
  mkdir -p "$build/lint/passed"
  export tree build headers
  export -f tidy
  # shellcheck disable=SC2016 # for the inner shell
  sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/lint/compile_commands.json" | sort -u |
    xargs -d '\n' -P "$jobs" -I '{}' bash -c 'tidy "$1"' tidy '{}'
}

# tidy FILE: a unity file, or a source file that is alone in its library.
tidy() {
  local -a sources
  local passed output
  mapfile -t sources < <(sed -n 's/^#include "\(\/.*\)"$/\1/p' "$1")
  ((${#sources[@]})) || sources=("$1")
  passed="$build/lint/passed/$(cat "${sources[@]}" <(echo "$1 $headers") | sha256sum | cut -d ' ' -f 1)"
  [[ ! -f $passed ]] || return 0
  output=$(clang-tidy -p "$build/lint" --quiet "$1" 2>/dev/null) && : >"$passed" && return
  if [[ $output == *redefinition* || $output == *ambiguous* ]]; then
    # Two files of a library may each have a local name of their own that only this reading brings together.
    output=$(clang-tidy -p "$build/release" --quiet "${sources[@]}" 2>/dev/null) && : >"$passed" && return
  fi
  printf '%s\n' "${output//"$tree/"/}"
  return 1
}
