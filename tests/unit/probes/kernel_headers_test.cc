#include "guestimages/probes/kernel_headers.h"

#include <gmock/gmock.h>

#include "tests/unit/probes/fake_kernel.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

TEST(KernelCompiler, IsTheOneThatThePackageNames) {
  const Sandbox sandbox;
  EXPECT_EQ(kernel_compiler(make_headers(sandbox.path())).value(), "gcc-99");
}

TEST(KernelCompiler, IsAnErrorWhereNoneIsNamed) {
  const Sandbox sandbox;
  const KernelHeaders headers = make_headers(sandbox.path());
  write(headers.directory() / ".kernelvariables", "CCACHE = ccache\n");
  const auto compiler = kernel_compiler(headers);
  ASSERT_FALSE(compiler);
  EXPECT_THAT(compiler.error().message(), HasSubstr(".kernelvariables"));
}

TEST(StageHeaders, NamesTheUnpackedPackagesInsteadOfUsrSrc) {
  const Sandbox sandbox;
  const KernelHeaders headers = make_headers(sandbox.path() / "packages");
  const std::string original = read_file(headers.directory() / "Makefile").value();
  const fs::path staged = sandbox.path() / "staged";
  ASSERT_TRUE(stage_headers(headers, staged));
  EXPECT_EQ(read_file(staged / "Makefile").value(),
            "KBUILD_OUTPUT=" + staged.native() + "\ninclude " + sandbox.path().native() +
                "/packages/usr/src/linux-headers-9.9-common/Makefile\n");
  EXPECT_EQ(read_file(headers.directory() / "Makefile").value(), original);
}

TEST(StageHeaders, HasEverythingElseOfTheFlavour) {
  const Sandbox sandbox;
  const KernelHeaders headers = make_headers(sandbox.path() / "packages");
  const fs::path staged = sandbox.path() / "staged";
  ASSERT_TRUE(stage_headers(headers, staged));
  EXPECT_TRUE(fs::exists(staged / ".kernelvariables"));
  EXPECT_EQ(read_file(staged / "include/config/auto.conf").value(), "CONFIG_MODULES=y\n");
}

TEST(StageHeaders, NamesWhatIsMissing) {
  const Sandbox sandbox;
  const KernelHeaders headers{.root = sandbox.path(), .release = "1.2", .package_version = "", .suite = ""};
  const auto result = stage_headers(headers, sandbox.path() / "staged");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("linux-headers-1.2"));
}

}  // namespace
}  // namespace crashpath
