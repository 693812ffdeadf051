#include "guestimages/initramfs/initramfs.h"

#include <fmt/format.h>

#include "guestimages/initramfs/kernel_modules.h"
#include "guestimages/initramfs/shared_libraries.h"
#include "harness/base/file.h"

namespace crashpath {
namespace {

/// Mount points, and where programs expect to be able to write.
constexpr const char* directories[] = {"dev", "etc", "mnt", "proc", "run", "sys", "tmp"};

/// PROGRAM or usr/PROGRAM of the unpacked packages.
Result<std::filesystem::path> find_program_in(const std::filesystem::path& packages,
                                              const std::string& program) {
  std::error_code code;
  for (const auto& path : {packages / program, packages / "usr" / program})
    if (std::filesystem::is_regular_file(path, code)) return path;
  return Error::host(fmt::format("none of the userland packages has {}", program));
}

Result<> add_userland(CpioTree& tree, const InitramfsParts& parts) {
  std::vector<std::filesystem::path> programs;
  for (const auto& program : parts.userland->programs) {
    programs.push_back(CP_TRY(find_program_in(parts.packages, program)));
    tree.add_file(program, CP_TRY(read_file(programs.back())), 0755);
  }
  for (const auto& applet : parts.userland->applets) tree.add_link("bin/" + applet, "busybox");
  for (const auto& [path, file] :
       CP_TRY(find_shared_libraries(programs, parts.packages, parts.architecture->triplet)))
    tree.add_file(path, CP_TRY(read_file(file)), 0755);
  return {};
}

Result<> add_modules(CpioTree& tree, const InitramfsParts& parts) {
  std::vector<KernelModule> modules;
  if (!parts.modules.empty())
    modules = select_modules(CP_TRY(read_file(parts.modules / "modules.dep")), parts.userland->modules);
  const std::string directory = fmt::format("lib/modules/{}/", parts.release);
  std::string names;
  for (const auto& module : modules) {
    tree.add_file(directory + module.path, CP_TRY(read_decompressed(parts.modules / module.file)));
    names += module.name + "\n";
  }
  tree.add_file(directory + "modules.dep", to_modules_dep(modules));
  // Absent in kernels built without modules.
  const auto builtin = parts.modules / "modules.builtin";
  if (std::filesystem::exists(builtin))
    tree.add_file(directory + "modules.builtin", CP_TRY(read_file(builtin)));
  tree.add_file("crashpath/modules", names);
  return {};
}

}  // namespace

Result<CpioTree> base_initramfs(const InitramfsParts& parts) {
  CpioTree tree;
  for (const char* directory : directories) tree.add_directory(directory);
  tree.add_file("init", CP_TRY(read_file(parts.agent)), 0755);
  CP_TRY(add_userland(tree, parts));
  CP_TRY(add_modules(tree, parts));
  return tree;
}

Result<CpioTree> first_kernel_initramfs(const std::filesystem::path& kernel, std::string capture_initramfs,
                                        const std::string& release,
                                        const std::map<std::string, std::filesystem::path>& probes) {
  CpioTree tree;
  tree.add_file("crashpath/kernel", CP_TRY(read_file(kernel)));
  tree.add_file("crashpath/initrd", std::move(capture_initramfs));
  for (const auto& [name, file] : probes)
    tree.add_file(fmt::format("lib/modules/{}/crashpath/{}.ko", release, name), CP_TRY(read_file(file)));
  return tree;
}

}  // namespace crashpath
