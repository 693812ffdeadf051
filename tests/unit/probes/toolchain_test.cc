#include "guestimages/probes/toolchain.h"

#include <gmock/gmock.h>

#include "tests/unit/probes/fake_kernel.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ToolchainRequest request(const Sandbox& sandbox) {
  return {.architecture = find_architecture("arm64"),
          .compiler = "gcc-99",
          .suite = "testing-backports",
          .mirror = "http://mirror.invalid/debian",
          .apt_settings = {"Acquire::http::Proxy \"http://proxy.invalid\";"},
          .directory = sandbox.path() / "toolchains",
          .say = {}};
}

/// A mmdebstrap that notes its arguments and makes a root, or fails half-way.
void make_mmdebstrap(const Sandbox& sandbox, int status) {
  write_program(sandbox.bin() / "mmdebstrap",
                fmt::format("echo \"$@\" > {0}/arguments\nfor word; do root=$target; target=$word; done\n"
                            "mkdir -p \"$root/usr/bin\"\necho 'E: no such suite' >&2\nexit {1}\n",
                            sandbox.path().native(), status));
}

TEST(BaseSuite, IsWhatAnAddOnSuiteWasBuiltWith) {
  EXPECT_EQ(base_suite("bookworm"), "bookworm");
  EXPECT_EQ(base_suite("bookworm-backports"), "bookworm");
  EXPECT_EQ(base_suite("bullseye-security"), "bullseye");
}

TEST(FindToolchain, TakesThisMachinesCompilerOfThatVersion) {
  const Sandbox sandbox;
  write_program(sandbox.bin() / "aarch64-linux-gnu-gcc-99", "");
  write_program(sandbox.bin() / "make", "");
  EXPECT_TRUE(find_toolchain(request(sandbox)).value().root.empty());
}

TEST(FindToolchain, MakesARootOfTheSuiteOnce) {
  const Sandbox sandbox;
  make_mmdebstrap(sandbox, 0);
  write_program(sandbox.bin() / "bwrap", "");
  const fs::path root = find_toolchain(request(sandbox)).value().root;
  EXPECT_EQ(fs::read_symlink(root / "usr/bin/awk"), "mawk");
  const std::string arguments = read_file(sandbox.path() / "arguments").value();
  EXPECT_THAT(arguments, HasSubstr("gcc-99-aarch64-linux-gnu"));
  EXPECT_THAT(arguments, HasSubstr(" testing "));
  EXPECT_THAT(arguments, HasSubstr(" http://mirror.invalid/debian"));
  EXPECT_THAT(arguments, HasSubstr("--aptopt=Acquire::http::Proxy \"http://proxy.invalid\";"));
  make_mmdebstrap(sandbox, 1);
  EXPECT_EQ(find_toolchain(request(sandbox)).value().root, root);
}

TEST(FindToolchain, ARootThatCannotBeMadeIsAHostErrorAndLeavesNothing) {
  const Sandbox sandbox;
  make_mmdebstrap(sandbox, 1);
  const auto toolchain = find_toolchain(request(sandbox));
  ASSERT_FALSE(toolchain);
  EXPECT_EQ(toolchain.error().fault(), Fault::host);
  EXPECT_THAT(toolchain.error().message(), HasSubstr("no such suite"));
  EXPECT_TRUE(fs::is_empty(sandbox.path() / "toolchains/testing"));
}

TEST(FindToolchain, SaysWhatToInstall) {
  const Sandbox sandbox;
  sandbox.hide_other_programs();
  const auto toolchain = find_toolchain(request(sandbox));
  ASSERT_FALSE(toolchain);
  EXPECT_EQ(toolchain.error().fault(), Fault::host);
  EXPECT_THAT(toolchain.error().hint(), HasSubstr("mmdebstrap"));
  EXPECT_THAT(toolchain.error().hint(), HasSubstr("gcc-99-aarch64-linux-gnu"));
}

TEST(Inside, ThisMachinesToolchainLeavesTheCommandAlone) {
  const Command command = Toolchain{}.inside({.argv = {"make", "modules"}}, {"/headers"}, {"/build"});
  EXPECT_THAT(command.argv, ElementsAre("make", "modules"));
}

TEST(Inside, ARootIsSeenAsTheFileSystemWithMergedAndUnmergedDirectories) {
  const Sandbox sandbox;
  const fs::path root = sandbox.path() / "root";
  fs::create_directories(root / "usr/bin");
  fs::create_directories(root / "lib");
  fs::create_symlink("usr/bin", root / "bin");
  const Command command = Toolchain{root}.inside({.argv = {"make", "modules"}}, {"/headers"}, {"/build"});
  const std::string shell = command.to_shell();
  EXPECT_THAT(shell, HasSubstr("--symlink usr/bin /bin "));
  EXPECT_THAT(shell, HasSubstr(fmt::format("--ro-bind {}/lib /lib ", root.native())));
  EXPECT_THAT(shell, HasSubstr("--ro-bind /headers /headers --bind /build /build make modules"));
}

}  // namespace
}  // namespace crashpath
