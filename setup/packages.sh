# shellcheck shell=bash
# Installs what setup/packages lists. Sourced by set-up.sh, whose functions and variables it uses.
: "${tree:?}" "${build:?}" "${known_failures:?}"

# ensure_packages GROUP...: dpkg is asked only when its database or the list changed since it last was.
ensure_packages() {
  if [[ ! -x $(command -v dpkg-query) || ! -x $(command -v apt-get) ]]; then
    fail 'crashpath installs what it needs with apt, which this system does not have' \
      'use Debian 12 or later, for example in a container; setup/packages lists what is needed'
  fi
  local stamp="$build/packages.stamp" state known=''
  state=$(packages_state "$@")
  [[ ! -f $stamp ]] || IFS= read -r -d '' known <"$stamp" || true
  [[ $known != "$state" ]] || return 0

  find_missing "$@"
  if ((${#missing[@]})); then
    install_missing
    find_missing "$@"
    ((${#missing[@]} == 0)) || fail "still not installed: ${missing[*]}" "the log is $build/packages.log"
  fi
  ensure_libvirt_user
  printf '%s' "$(packages_state "$@")" >"$stamp" || fail "cannot write $stamp" "${known_failures[2]}"
}

# As root libvirt's QEMU driver looks this user up when it begins, and refuses to begin without, whoever QEMU is told to
# run as. Debian makes it with libvirt-daemon-system, which would start daemons that nobody asked for.
ensure_libvirt_user() {
  [[ $EUID -eq 0 ]] && ! getent passwd libvirt-qemu >/dev/null || return 0
  useradd --system --user-group --no-create-home --home-dir /var/lib/libvirt --shell /usr/sbin/nologin libvirt-qemu ||
    say 'there is no user libvirt-qemu: --machine libvirt will not work as root'
}

packages_state() { stat -c "$* %n %i %y %s" /var/lib/dpkg/status "$tree/setup/packages"; }

# Fills missing with the lines of these groups that nothing installed satisfies, and reasons with the reason of each.
find_missing() {
  local -A installed=()
  local status package architecture native line group='' reason=''
  native=$(dpkg --print-architecture)
  while read -r status package architecture; do
    [[ $status == ?i && ($architecture == "$native" || $architecture == all) ]] && installed[$package]=yes
  done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Architecture}\n')

  missing=() reasons=()
  while IFS= read -r line; do
    if [[ $line =~ ^\[([a-z]+)\]\ (.*)$ ]]; then
      group=${BASH_REMATCH[1]} reason=${BASH_REMATCH[2]}
    elif [[ -n $line && $line != '#'* && " $* " == *" $group "* ]]; then
      for package in ${line//|/ }; do
        [[ -z ${installed[$package]-} ]] || continue 2
      done
      missing+=("$line") reasons+=("$reason")
    fi
  done <"$tree/setup/packages"
}

# Installs what find_missing found, after one message that says what and why.
install_missing() {
  local log="$build/packages.log" wanted i
  say "installing Debian packages and what they depend on (log: $log)"
  for i in "${!missing[@]}"; do
    ((i > 0)) && [[ ${reasons[i]} == "${reasons[i - 1]}" ]] || printf '\n  %s:' "${reasons[i]}" >&2
    printf ' %s' "${missing[i]%% *}" >&2
  done
  printf '\n\n' >&2

  wanted=$(printf ', %s' "${missing[@]}")
  become_root "apt-get update && apt-get satisfy --no-install-recommends '${wanted:2}'"
  : >"$log"
  # What counts is whether the packages can be installed, not whether every mirror of this system answers.
  update_lists "$log" || true
  run_apt satisfy --no-install-recommends --no-remove "${wanted:2}" |
    show_progress 'installing packages' "$log" || fail_with_log 'cannot install packages' "$log"
}

# apt-get waits by itself for dpkg's lock, but not for that of its lists.
update_lists() {
  local log=$1 deadline=$((SECONDS + 600)) quiet='^$'
  until run_apt update | show_progress 'reading package lists' "$log" "$quiet"; do
    grep -q 'Could not get lock' "$log" && ((SECONDS < deadline)) || return 1
    [[ -z $quiet ]] || say 'waiting for another package manager'
    quiet='' # which every line matches
    sleep 2
    : >"$log"
  done
}

run_apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y -o DPkg::Lock::Timeout=600 \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o Acquire::Retries=2 "$@" </dev/null 2>&1 9>&-
}

# become_root COMMAND: fills as_root with what makes a command run as root. COMMAND is what to type where nothing does.
become_root() {
  as_root=()
  [[ $EUID -ne 0 ]] || return 0
  as_root=(sudo)
  if [[ -x $(command -v sudo) ]]; then
    sudo -n true 2>/dev/null && return
    [[ -t 0 ]] && sudo -v && return
  fi
  fail 'installing packages needs root, and sudo does not work here' "run as root: $1"
}
