#include "harness/trial/exhibits.h"

#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/base/scratch_directory.h"

namespace crashpath {
namespace {

using testing::ElementsAre;

MemoryWitness witness(std::string name, std::function<Result<Exhibit>(const Evidence&)> exhibit) {
  return {.name = std::move(name), .summary = "", .symbols = {}, .ranges = {}, .exhibit = std::move(exhibit)};
}

TEST(Exhibits, AreKeptBesideTheEvidence) {
  const ScratchDirectory directory = ScratchDirectory::make(testing::TempDir()).value();
  const auto show = [](const Evidence&) -> Result<Exhibit> {
    return Exhibit{"two\nlines\n", {{"schema", 1}}};
  };
  ASSERT_TRUE(write_exhibits({witness("lists", show), witness("silent", {})}, directory.path()));
  EXPECT_THAT(find_exhibits(directory.path()), ElementsAre("lists"));
  EXPECT_EQ(read_file(directory.path() / "exhibit-lists.txt").value(), "two\nlines\n");
  EXPECT_EQ(read_file(directory.path() / "exhibit-lists.json").value(), "{\"schema\":1}\n");
}

TEST(Exhibits, SayWhyThereIsNothingToShow) {
  const ScratchDirectory directory = ScratchDirectory::make(testing::TempDir()).value();
  const auto fail = [](const Evidence&) -> Result<Exhibit> { return Error::guest("no kernel booted"); };
  ASSERT_TRUE(write_exhibits({witness("lists", fail)}, directory.path()));
  EXPECT_EQ(read_file(directory.path() / "exhibit-lists.txt").value(),
            "!! cannot be shown: no kernel booted\n");
  EXPECT_EQ(read_file(directory.path() / "exhibit-lists.json").value(), "{\"error\":\"no kernel booted\"}\n");
}

TEST(Exhibits, AreNoneWhereThereIsNoDirectory) {
  EXPECT_THAT(find_exhibits("/nowhere"), ElementsAre());
}

}  // namespace
}  // namespace crashpath
