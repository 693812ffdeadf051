#!/bin/bash
# Makes mirror/, a tiny signed package archive as Debian's is laid out, and mirror-key.gpg, which signed it with a key that
# is thrown away. Run it in this directory after a change; needs dpkg-deb, gpg and xz.
#
# Suite "fixture", architecture arm64:
#   6.12    two kernels in the layout up to 6.19, the newer one with headers, and a newest one whose modules
#           package is missing
#   7.2     a kernel in the layout from 7.0 on, in four packages
#   what must not be taken for a kernel: a metapackage, debug symbols, another flavour
#   a userland with a library, a library's library, and a package that only configures systems
# Suite "unsigned": the same lists without a signature. Suite "expired": signed, valid until 2001.
set -e
rm -rf mirror work
mkdir -p mirror/pool work
trap 'rm -rf "$PWD/work"' EXIT
root=$PWD/mirror

# elf FILE: the smallest thing that an ELF reader accepts: a header of a static program for arm64.
elf() {
  mkdir -p "$(dirname "$1")"
  { printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0'; head -c 28 /dev/zero; printf '\x40\0\x38\0\0\0\x40\0\0\0\0\0'; } >"$1"
}

# package NAME VERSION SECTION DEPENDS: from work/tree, which is emptied
package() {
  mkdir -p work/tree/DEBIAN
  printf 'Package: %s\nVersion: %s\nArchitecture: arm64\nSection: %s\nMaintainer: crashpath\nDescription: fixture\n' "$1" "$2" "$3" >work/tree/DEBIAN/control
  [ -z "$4" ] || echo "Depends: $4" >>work/tree/DEBIAN/control
  local file=pool/$1_${2#*:}_arm64.deb # without the epoch, as in Debian's pool
  dpkg-deb --root-owner-group -Zxz --build work/tree "$root/$file" >/dev/null
  {
    grep -v ^Description work/tree/DEBIAN/control
    echo "Filename: $file"
    echo "Size: $(stat -c %s "$root/$file")"
    echo "SHA256: $(sha256sum <"$root/$file" | cut -d' ' -f1)"
    echo
  } >>work/Packages
  rm -rf work/tree
}

# old_kernel RELEASE VERSION DEPENDS
old_kernel() {
  mkdir -p work/tree/boot "work/tree/lib/modules/$1/kernel"
  echo "Linux version $1 (fixture)" >"work/tree/boot/vmlinuz-$1"
  echo CONFIG_KEXEC=y >"work/tree/boot/config-$1"
  touch "work/tree/lib/modules/$1/modules.order" "work/tree/lib/modules/$1/modules.builtin"
  package "linux-image-$1" "$2" kernel "$3"
}

old_kernel 6.12.1+deb12-arm64 6.12.1-1 "kmod, linux-base (>= 4.12~)"
old_kernel 6.12.9+deb12-arm64 6.12.9-1 "kmod, linux-base (>= 4.12~)"
package linux-headers-6.12.9+deb12-arm64 6.12.9-1 kernel "linux-image-6.12.9+deb12-arm64 (= 6.12.9-1) | linux-image-6.12.9+deb12-arm64-unsigned (= 6.12.9-1), linux-headers-6.12.9+deb12-common (= 6.12.9-1), linux-kbuild-6.12 (>= 6.12.9-1), linux-compiler-gcc-12-arm64"
package linux-headers-6.12.9+deb12-common 6.12.9-1 kernel ""
package linux-kbuild-6.12 6.12.9-1 kernel ""
old_kernel 6.12.10+deb12-arm64 6.12.10-1 "linux-modules-6.12.10+deb12-arm64 (= 6.12.10-1)"
old_kernel 6.12.9+deb12-rt-arm64 6.12.9-1 kmod
package linux-image-6.12.9+deb12-arm64-dbg 6.12.9-1 debug ""
package linux-image-arm64 6.12.9-1 kernel "linux-image-6.12.9+deb12-arm64 (= 6.12.9-1)"

new=7.2.1+deb12-arm64
package linux-image-$new 7.2.1-1 kernel "linux-initramfs-tool, linux-base-$new (= 7.2.1-1), linux-binary-$new (= 7.2.1-1), linux-modules-$new (= 7.2.1-1)"
mkdir -p work/tree/usr/lib/modules/$new && echo "Linux version $new (fixture)" >work/tree/usr/lib/modules/$new/vmlinuz
package linux-binary-$new 7.2.1-1 kernel ""
mkdir -p work/tree/usr/lib/modules/$new && echo CONFIG_KEXEC=y >work/tree/usr/lib/modules/$new/config
package linux-base-$new 7.2.1-1 kernel ""
mkdir -p work/tree/usr/lib/modules/$new/kernel && touch work/tree/usr/lib/modules/$new/modules.order
package linux-modules-$new 7.2.1-1 kernel ""

elf work/tree/bin/busybox && package busybox-static 1:1.35-1 shells ""
elf work/tree/sbin/kexec && package kexec-tools 1:2.0.25-3 admin "libfirst1, configure"
elf work/tree/usr/bin/makedumpfile && package makedumpfile 1:1.7.2-1 admin ""
package libfirst1 1.0-1 libs libsecond1
package libsecond1 1.0-1 libs ""
package configure 1.0-1 admin libthird1
package libthird1 1.0-1 libs ""

# release SUITE EXTRA_LINE
release() {
  mkdir -p "mirror/dists/$1/main/binary-arm64"
  cp work/Packages "mirror/dists/$1/main/binary-arm64/Packages"
  {
    printf 'Origin: Debian\nLabel: Debian\nSuite: %s\nCodename: %s\nDate: Sat, 01 Jan 2000 00:00:00 UTC\n' "$1" "$1"
    printf 'Architectures: arm64\nComponents: main\nNo-Support-for-Architecture-all: Packages\n%s' "$2"
    printf 'SHA256:\n %s %s main/binary-arm64/Packages\n' "$(sha256sum <work/Packages | cut -d' ' -f1)" "$(stat -c %s work/Packages)"
  } >"mirror/dists/$1/Release"
}
sign() {
  gpg --homedir work/gpg --batch --quiet --digest-algo SHA256 --clearsign -o "mirror/dists/$1/InRelease" "mirror/dists/$1/Release"
  rm "mirror/dists/$1/Release"
}
mkdir -m 700 work/gpg
gpg --homedir work/gpg --batch --quiet --passphrase '' --quick-generate-key 'crashpath fixture' rsa3072 sign never 2>/dev/null
gpg --homedir work/gpg --batch --quiet --export >mirror-key.gpg
release fixture "" && sign fixture
release expired $'Valid-Until: Mon, 01 Jan 2001 00:00:00 UTC\n' && sign expired
release unsigned ""
gpgconf --homedir work/gpg --kill all
