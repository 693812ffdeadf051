#include "guestimages/catalog/catalog.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "harness/base/file.h"
#include "harness/base/paths.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<const Suite*>& suites) {
  std::vector<std::string> names;
  for (const auto* suite : suites) names.push_back(suite->name);
  return names;
}

TEST(CatalogTest, OursHasEveryFlavourAndACompilerForEverySuite) {
  const Catalog catalog = load_catalog().value();
  for (const auto& suite : catalog.suites)
    EXPECT_THAT(suite.compiler, testing::StartsWith("gcc-")) << suite.name;
  const KernelCatalog* arm64 = catalog.find_kernels("arm64");
  ASSERT_NE(arm64, nullptr);
  for (const char* flavour : {"", "cloud", "rt", "16k"})
    EXPECT_NE(arm64->find_flavour(flavour), nullptr) << flavour;
  EXPECT_EQ(arm64->find_flavour("64k"), nullptr);
  ASSERT_NE(catalog.find_kernels("ppc64el"), nullptr);
  EXPECT_EQ(catalog.find_kernels("ppc64el")->find_flavour("")->package, "powerpc64le");
}

TEST(CatalogTest, TheLongestFlavourNameWins) {
  const Catalog catalog = load_catalog().value();
  const KernelCatalog& arm64 = *catalog.find_kernels("arm64");
  EXPECT_EQ(arm64.flavour_of("linux-image-6.12.95+deb12-rt-arm64")->name, "rt");
  EXPECT_EQ(arm64.flavour_of("linux-image-6.12.95+deb12-arm64")->name, "");
  EXPECT_EQ(arm64.flavour_of("linux-image-6.12.95+deb12-arm64-16k")->name, "16k");
  EXPECT_EQ(arm64.flavour_of("linux-image-6.12.95+deb12-arm64-dbg"), nullptr);
  EXPECT_EQ(arm64.flavour_of("linux-image-6.12.95+deb12-arm64-unsigned"), nullptr);
}

TEST(CatalogTest, SuitesClosestToTheHostFirst) {
  const Catalog catalog = load_catalog().value();
  EXPECT_THAT(names(catalog.suites_near("bookworm")),
              ElementsAre("bookworm", "bookworm-backports", "trixie", "trixie-backports", "bullseye", "forky",
                          "sid", "experimental"));
  EXPECT_THAT(names(catalog.suites_near("trixie")),
              ElementsAre("trixie", "trixie-backports", "forky", "bookworm", "bookworm-backports", "sid",
                          "bullseye", "experimental"));
  EXPECT_EQ(names(catalog.suites_near("noble")), names(catalog.suites_near(catalog.userland.release)));
}

TEST(CatalogTest, AMistakeIsNamedWithFileAndLine) {
  const auto directory = std::filesystem::path(testing::TempDir()) / ("catalog." + std::to_string(getpid()));
  std::filesystem::copy(data_directory() / "guestimages/catalog", directory);
  const std::string good = read_file(directory / "suites.toml").value();
  ASSERT_TRUE(
      write_file(directory / "suites.toml", "[[suite]]\nname = \"x\"\nrelease = \"x\"\ncompilr = \"gcc\"\n"));
  const auto catalog = load_catalog(directory);
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().fault(), Fault::usage);
  EXPECT_THAT(catalog.error().message(), HasSubstr("suites.toml:"));
  ASSERT_TRUE(write_file(directory / "suites.toml", good + "[[suit]]\n"));
  const auto unknown = load_catalog(directory);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message(), HasSubstr("suit"));
  std::filesystem::remove_all(directory);
}

TEST(CatalogTest, ReleaseOfTheHost) {
  EXPECT_EQ(version_codename(
                "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n"),
            "bookworm");
  EXPECT_EQ(version_codename("VERSION_CODENAME=\"trixie\""), "trixie");
  EXPECT_EQ(version_codename("ID=arch\n"), "");
}

}  // namespace
}  // namespace crashpath
