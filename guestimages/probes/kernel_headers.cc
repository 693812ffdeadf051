#include "guestimages/probes/kernel_headers.h"

#include <fmt/format.h>
#include <boost/algorithm/string/replace.hpp>
#include <regex>

#include "harness/base/file.h"

namespace crashpath {
namespace fs = std::filesystem;

Result<std::string> kernel_compiler(const KernelHeaders& headers) {
  const fs::path file = headers.directory() / ".kernelvariables";
  const std::string text = CP_TRY(read_file(file));
  // CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12
  static const std::regex compiler(R"((^|\n)CC\s*=.*\$\(CROSS_COMPILE\)([a-z]+-[0-9]+))");
  std::smatch match;
  if (!std::regex_search(text, match, compiler))
    return Error::host(fmt::format("{} does not say which compiler built the kernel", file.string()));
  return match[2].str();
}

Result<> stage_headers(const KernelHeaders& headers, const fs::path& directory) {
  const fs::path source = headers.directory();
  std::string makefile = CP_TRY(read_file(source / "Makefile"));
  boost::replace_all(makefile, "/usr/src/", (headers.root / "usr/src").string() + "/");
  // Linux commit 13b25489b6f8 ("kbuild: change working directory to external module directory with M=") (in
  // v6.13) compares the directory that make is started in with the one that Debian's Makefile names for the
  // flavour, and puts the module elsewhere when they differ.
  boost::replace_all(makefile, source.string(), directory.string());

  CP_TRY(make_directories(directory));
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(source, error)) {
    const fs::path name = entry.path().filename();
    if (name != "Makefile") fs::create_symlink(entry.path(), directory / name, error);
    if (error) break;
  }
  if (error)
    return Error::host(
        fmt::format("cannot link {} into {}: {}", source.string(), directory.string(), error.message()));
  return write_file(directory / "Makefile", makefile);
}

}  // namespace crashpath
