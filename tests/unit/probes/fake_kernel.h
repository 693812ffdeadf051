#pragma once

// A headers package and a compiler that are good enough for build_probes(): a kernel whose module is its
// source.

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "guestimages/probes/build.h"
#include "harness/base/file.h"

namespace crashpath {

namespace fs = std::filesystem;

inline void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  if (auto written = write_file(path, text); !written) throw std::runtime_error(written.error().to_string());
}

inline void write_program(const fs::path& path, const std::string& text) {
  write(path, "#!/bin/sh\n" + text);
  fs::permissions(path, fs::perms::owner_all);
}

/// A directory of one test, and PATH with its bin/ in front, both gone afterwards.
class Sandbox {
 public:
  Sandbox() : old_path_(getenv("PATH")) {
    std::string name = (fs::temp_directory_path() / "probes-test.XXXXXX").native();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = fs::canonical(name);
    fs::create_directories(bin());
    setenv("PATH", (bin().native() + ":" + old_path_).c_str(), 1);
  }
  ~Sandbox() {
    setenv("PATH", old_path_.c_str(), 1);
    fs::remove_all(path_);
  }
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const fs::path& path() const { return path_; }
  fs::path bin() const { return path_ / "bin"; }
  /// From here on only programs of bin() are found.
  void hide_other_programs() const { setenv("PATH", bin().c_str(), 1); }

 private:
  std::string old_path_;
  fs::path path_;
};

inline constexpr const char* kRelease = "9.9-test-arm64";

/// Headers packages like Debian's: the flavour's Makefile names /usr/src, the common one does the work.
inline KernelHeaders make_headers(const fs::path& root) {
  const fs::path flavour = root / "usr/src" / (std::string("linux-headers-") + kRelease);
  write(flavour / "Makefile", fmt::format("KBUILD_OUTPUT=/usr/src/linux-headers-{}\n"
                                          "include /usr/src/linux-headers-9.9-common/Makefile\n",
                                          kRelease));
  write(flavour / ".kernelvariables",
        "override ARCH = arm64\nCCACHE = ccache\n"
        "CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-99\n");
  write(flavour / "include/config/auto.conf", "CONFIG_MODULES=y\n");
  write(root / "usr/src/linux-headers-9.9-common/Makefile",
        "include .kernelvariables\nmodules: include/config/auto.conf\n"
        "\t@test $(KBUILD_OUTPUT) = $(CURDIR)\n\t@$(CC) $(M)\n");
  return {.root = root, .release = kRelease, .package_version = "9.9.1-1", .suite = "testing-backports"};
}

/// A compiler that writes a line to `log` for each module, and complains about what the source tells it to.
inline void make_compiler(const fs::path& bin, const fs::path& log) {
  write_program(bin / "aarch64-linux-gnu-gcc-99",
                "name=$(sed -n 's/^obj-m := \\(.*\\)\\.o$/\\1/p' \"$1/Kbuild\")\n"
                "echo \"$name\" >> '" +
                    log.native() +
                    "'\n"
                    "if grep -q BROKEN \"$1/$name.c\"; then\n"
                    "  echo \"$1/$name.c: In function 'f':\" >&2\n"
                    "  echo \"$1/$name.c:3:1: error: 'g' undeclared\" >&2\n"
                    "  echo \"$1/$name.c:9:1: error: and more\" >&2; exit 1; fi\n"
                    "if grep -q UNRESOLVED \"$1/$name.c\"; then\n"
                    "  echo \"ERROR: modpost: \\\"g\\\" [$1/$name.ko] undefined!\" >&2; exit 1; fi\n"
                    "if grep -q DISK_FULL \"$1/$name.c\"; then\n"
                    "  echo 'cc1: No space left on device' >&2; exit 1; fi\n"
                    "cp \"$1/$name.c\" \"$1/$name.ko\"\n");
}

}  // namespace crashpath
