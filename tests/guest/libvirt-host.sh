#!/usr/bin/env bash
# A libvirt host of a test's own: libvirtd and an sshd in a mount namespace where /run, /etc/libvirt, /var/lib/libvirt and
# its like are directories of the test. Seen from outside it is a libvirtd on a private socket; through its sshd it is
# another host, whose files are elsewhere.
#
#   libvirt-host.sh DIRECTORY PORT     both run until this process ends; DIRECTORY/ready appears when they answer
#
# Connect to qemu+unix:///system?socket=DIRECTORY/run/libvirt/libvirt-sock, or to
# qemu+ssh://root@127.0.0.1:PORT/system?command=DIRECTORY/ssh
set -euo pipefail
directory=$(realpath "$1")
readonly directory port=$2

make_directories() {
  mkdir -p "$directory"/{run/sshd,run/lock,run/libvirt,lib,cache,log,etc}
  chmod 755 "$directory"/{run,run/sshd,run/lock,run/libvirt,lib,cache,log,etc}
}

configure_libvirtd() {
  cat >"$directory/etc/libvirtd.conf" <<'END'
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
END
  # No virtlogd, no cgroups and no namespace in a namespace.
  cat >"$directory/etc/qemu.conf" <<'END'
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
security_default_confined = 0
END
}

configure_sshd() {
  local -r etc="$directory/etc"
  ssh-keygen -q -t ed25519 -N '' -f "$etc/host-key"
  ssh-keygen -q -t ed25519 -N '' -f "$etc/key"
  cat >"$etc/sshd.conf" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $etc/host-key
AuthorizedKeysFile $etc/key.pub
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
END
  cat >"$directory/ssh" <<END
#!/bin/sh
exec ssh -F none -i '$etc/key' -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
  -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "\$@"
END
  chmod 755 "$directory/ssh"
}

make_directories
configure_libvirtd
configure_sshd
# shellcheck disable=SC2016 # the inner shell's
exec bwrap --die-with-parent --unshare-pid --bind / / --dev-bind /dev /dev --proc /proc --bind "$directory/run" /run \
  --bind "$directory/lib" /var/lib/libvirt --bind "$directory/cache" /var/cache/libvirt \
  --bind "$directory/log" /var/log/libvirt --bind "$directory/etc" /etc/libvirt -- \
  bash -c '
    set -m
    trap "kill 0" EXIT
    /usr/sbin/libvirtd -f /etc/libvirt/libvirtd.conf >"$1/libvirtd.log" 2>&1 &
    echo $! >"$1/libvirtd.pid"
    /usr/sbin/sshd -D -e -f /etc/libvirt/sshd.conf >"$1/sshd.log" 2>&1 &
    echo $! >"$1/sshd.pid"
    until [[ -S /run/libvirt/libvirt-sock ]] && (: </dev/tcp/127.0.0.1/"$2") 2>/dev/null; do sleep 0.05; done
    touch "$1/ready"
    wait' bash "$directory" "$port"
