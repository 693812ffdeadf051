# shellcheck shell=bash
# Completion of crashpath for bash: source it from ~/.bashrc.

_crashpath() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} choices=''
  COMPREPLY=()
  case $previous in
    --arch) choices='arm64 pseries' ;;
    --kernel) choices='5.10 6.1 6.12 6.12-rt 6.12-cloud 7.x' ;;
    --format) choices='terminal html json ktap junit kcidb' ;;
    --scenario) choices=$(_crashpath_scenarios) ;;
    --scenario-dir | --output | --plan | check | replay | report | inventory)
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    -j | --jobs | --repeat | --mirror | --append) return ;;
    *) choices=$(_crashpath_words) ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}

# What may stand behind the command that is on the line already.
_crashpath_words() {
  case "${COMP_WORDS[1]} ${COMP_WORDS[2]-}" in
    'run '*) echo --arch --kernel --scenario --scenario-dir --plan --jobs --repeat --output --mirror --cold --machine --hosts ;;
    'list kernels') echo --arch ;;
    'list scenarios') echo --scenario-dir ;;
    'list '*) ((COMP_CWORD > 2)) || echo scenarios checks witnesses kernels machines triggers steps ;;
    'image fetch') echo --arch --kernel --mirror --update ;;
    'image '*) ((COMP_CWORD > 2)) || echo fetch show ;;
    'shell '*) echo --arch --kernel --append ;;
    'replay '*) echo --output --repeat --machine ;;
    'doctor '*) echo --clean --machine ;;
    'report '*) echo --format ;;
    'memreserve '*) ((COMP_CWORD > 2)) && echo --json || echo show ;;
    *) ((COMP_CWORD > 1)) || echo run sweep list image shell check replay report memreserve inventory doctor --help --version ;;
  esac
}

# Asking the program would build it: only a built one is asked.
_crashpath_scenarios() {
  local tree
  tree=$(dirname -- "$(readlink -f -- "$(type -P "${COMP_WORDS[0]}")")")
  "$tree/build/release/cli/crashpath" list scenarios 2>/dev/null | cut -d ' ' -f 1
}

complete -F _crashpath crashpath
