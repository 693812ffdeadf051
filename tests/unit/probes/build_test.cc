#include "guestimages/probes/build.h"

#include <gmock/gmock.h>

#include "tests/unit/probes/fake_kernel.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;

class BuildProbes : public testing::Test {
 protected:
  BuildProbes() {
    make_compiler(sandbox_.bin(), log());
    build_ = {.architecture = find_architecture("arm64"),
              .headers = make_headers(sandbox_.path() / "packages"),
              .mirror = "http://mirror.invalid/debian",
              .sources = sandbox_.path() / "sources",
              .cache = sandbox_.path() / "cache"};
    write(build_.sources / "good.c", "good\n");
  }
  fs::path log() const { return sandbox_.path() / "log"; }
  std::string compiled() const { return read_file(log()).value(); }

  Sandbox sandbox_;
  ProbeBuild build_;
};

TEST_F(BuildProbes, GivesTheModuleThatKbuildMade) {
  const ProbeSet set = build_probes(build_, {"good"}).value();
  EXPECT_THAT(set.modules, ElementsAre(Key("good")));
  EXPECT_THAT(set.reasons, IsEmpty());
  EXPECT_EQ(read_file(set.modules.at("good")).value(), "good\n");
}

TEST_F(BuildProbes, BuildsOnce) {
  const ProbeSet first = build_probes(build_, {"good"}).value();
  EXPECT_EQ(build_probes(build_, {"good"}).value().modules, first.modules);
  EXPECT_EQ(compiled(), "good\n");
}

TEST_F(BuildProbes, NeedsNoCompilerForWhatIsCached) {
  ASSERT_TRUE(build_probes(build_, {"good"}));
  sandbox_.hide_other_programs();
  fs::remove(sandbox_.bin() / "aarch64-linux-gnu-gcc-99");
  EXPECT_TRUE(build_probes(build_, {"good"}));
}

TEST_F(BuildProbes, BuildsAgainWhenSourceOrHeadersChange) {
  const fs::path first = build_probes(build_, {"good"}).value().modules.at("good");
  write(build_.sources / "good.c", "better\n");
  const fs::path second = build_probes(build_, {"good"}).value().modules.at("good");
  build_.headers.package_version = "9.9.1-2";
  const fs::path third = build_probes(build_, {"good"}).value().modules.at("good");
  EXPECT_NE(first, second);
  EXPECT_NE(second, third);
  EXPECT_EQ(read_file(first).value(), "good\n") << "what others may use stays";
  EXPECT_EQ(compiled(), "good\ngood\ngood\n");
}

TEST_F(BuildProbes, BuildsAgainWhenAnIncludedHeaderChanges) {
  write(build_.sources / "good.c", "#include \"include/shared.h\"\n");
  write(build_.sources / "include/shared.h", "one\n");
  const fs::path first = build_probes(build_, {"good"}).value().modules.at("good");
  write(build_.sources / "include/shared.h", "two\n");
  EXPECT_NE(build_probes(build_, {"good"}).value().modules.at("good"), first);
  fs::remove(build_.sources / "include/shared.h");
  EXPECT_FALSE(build_probes(build_, {"good"}));
}

TEST_F(BuildProbes, AProbeThatDoesNotCompileIsANamedReasonAndTheOthersAreBuilt) {
  write(build_.sources / "bad.c", "BROKEN\n");
  const ProbeSet set = build_probes(build_, {"bad", "good"}).value();
  EXPECT_THAT(set.modules, ElementsAre(Key("good")));
  EXPECT_EQ(set.reasons.at("bad"),
            "probe bad does not build for 9.9-test-arm64: bad.c:3:1: error: 'g' undeclared");
}

TEST_F(BuildProbes, AProbeThatMissesASymbolIsANamedReason) {
  write(build_.sources / "bad.c", "UNRESOLVED\n");
  EXPECT_THAT(build_probes(build_, {"bad"}).value().reasons.at("bad"), HasSubstr("\"g\""));
}

TEST_F(BuildProbes, WhatIsNotTheProbesFaultIsAHostError) {
  write(build_.sources / "bad.c", "DISK_FULL\n");
  const auto result = build_probes(build_, {"bad"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::host);
  EXPECT_THAT(result.error().message(), HasSubstr("No space left on device"));
}

TEST_F(BuildProbes, AnUnknownProbeIsTheUsersError) {
  const auto result = build_probes(build_, {"gud"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().fault(), Fault::usage);
  EXPECT_THAT(result.error().message(), HasSubstr("gud"));
}

TEST_F(BuildProbes, LeavesNothingBehindButModules) {
  write(build_.sources / "bad.c", "BROKEN\n");
  ASSERT_TRUE(build_probes(build_, {"bad", "good"}));
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(build_.cache / "probes"))
    names.push_back(entry.path().filename());
  EXPECT_THAT(names, ElementsAre(kRelease));
}

TEST_F(BuildProbes, ListsProbesByTheirSources) {
  write(build_.sources / "another.c", "");
  write(build_.sources / "build.cc", "");
  EXPECT_THAT(list_probes(build_.sources).value(), ElementsAre("another", "good"));
  EXPECT_FALSE(list_probes(sandbox_.path() / "nowhere"));
}

}  // namespace
}  // namespace crashpath
