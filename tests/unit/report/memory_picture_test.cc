#include "harness/report/memory_picture.h"

#include <gmock/gmock.h>

#include "harness/evidence/page_hashes.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

pugi::xml_document picture_of(const TrialCopy& trial) {
  pugi::xml_document document;
  add_memory_pictures(document.append_child("div"), Evidence(trial.directory()));
  return document;
}

/// The legend's line of this owner: its pages, and how many of them changed.
std::pair<int, int> legend(const pugi::xml_document& picture, const std::string& owner) {
  const auto row =
      picture.select_node(("//table[@class='legend']/tr[starts-with(td[2], '" + owner + "')]").c_str())
          .node();
  const auto numbers = row.select_nodes("td[@class='number']");
  if (numbers.size() != 2) return {-1, -1};
  return {numbers[0].node().text().as_int(), numbers[1].node().text().as_int()};
}

void change_page(const TrialCopy& trial, std::uint64_t address) {
  const auto file = trial.path("memory-captured.pagehash");
  PageHashes hashes = read_page_hashes(file).value();
  hashes.hashes.at((address - hashes.ram_base) / kHashedPageSize) ^= 0x10;
  write_page_hashes(file, hashes).value();
}

TEST(MemoryPicture, CoversAllRamOnce) {
  const auto picture = picture_of(TrialCopy("arm64-6.12-moments"));
  int width = 0;
  for (const auto& rect : picture.select_nodes("//rect")) width += rect.node().attribute("width").as_int();
  EXPECT_EQ(width, 2048 * 10) << "1 GiB in cells of 512 KiB, each 10 wide";
  EXPECT_LT(picture.select_nodes("//rect").size(), 1000U) << "cells that show the same are one";
}

TEST(MemoryPicture, HasTheOwnersOfTheCheck) {
  const auto arm64 = picture_of(TrialCopy("arm64-6.12-moments"));
  EXPECT_EQ(legend(arm64, "crash kernel"), std::pair(65536, 37241));
  EXPECT_EQ(legend(arm64, "LPI tables").second, 1);
  EXPECT_EQ(legend(arm64, "firmware").second, 0);
  EXPECT_EQ(legend(arm64, "first kernel").second, 0);
  EXPECT_EQ(legend(arm64, "of these: nobody"), std::pair(0, 0));
  EXPECT_FALSE(arm64.select_node("//rect[@class='unowned']"));

  const auto pseries = picture_of(TrialCopy("pseries-6.12-moments"));
  EXPECT_EQ(legend(pseries, "RTAS").first, 1);
  EXPECT_EQ(legend(pseries, "first 64 KiB"), std::pair(16, 9));
  EXPECT_GT(legend(pseries, "VPAs").second, 0);
}

TEST(MemoryPicture, ShowsAndListsPagesThatNobodyMayWriteTo) {
  const TrialCopy trial("arm64-6.12-moments");
  change_page(trial, 0x70123000);
  change_page(trial, 0x70124000);
  const auto picture = picture_of(trial);
  EXPECT_EQ(picture.select_nodes("//rect[@class='unowned']").size(), 1U);
  EXPECT_EQ(legend(picture, "of these: nobody"), std::pair(2, 2));
  EXPECT_THAT(picture.select_node("//ul/li").node().child_value(),
              HasSubstr("0x70123000-0x70124fff in reserved 0x6d220000-0x70b68fff"));
}

TEST(MemoryPicture, SaysWhyThereIsNone) {
  TrialCopy trial("arm64-6.12-moments");
  trial.flip_byte("memory-captured.pagehash", 0);
  EXPECT_THAT(picture_of(trial).select_node("//p").node().child_value(),
              HasSubstr("There is no picture: memory-captured.pagehash: not a file of page hashes"));
}

TEST(MemoryPicture, OfOneMomentIsNone) {
  TrialCopy trial("arm64-6.12-moments");
  trial.remove("memory-crash.pagehash");
  EXPECT_FALSE(picture_of(trial).first_child().first_child());
}

}  // namespace
}  // namespace crashpath
