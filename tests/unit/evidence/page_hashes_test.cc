#include "harness/evidence/page_hashes.h"

#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

constexpr std::uint64_t kBase = 0x40000000;

PageHashes three_pages() {
  std::vector<std::byte> ram(3 * kHashedPageSize);
  ram[kHashedPageSize] = std::byte{1};
  return hash_memory(kBase, ram);
}

TEST(PageHashes, FindsPagesByAddress) {
  const PageHashes hashes = three_pages();
  ASSERT_NE(hashes.find(kBase), nullptr);
  EXPECT_EQ(*hashes.find(kBase), *hashes.find(kBase + 2 * kHashedPageSize));
  EXPECT_NE(*hashes.find(kBase), *hashes.find(kBase + kHashedPageSize));
  EXPECT_EQ(hashes.find(kBase - kHashedPageSize), nullptr);
  EXPECT_EQ(hashes.find(kBase + 3 * kHashedPageSize), nullptr);
  EXPECT_EQ(hashes.find(kBase + 1), nullptr);
}

TEST(PageHashes, AreReadAsTheyWereWritten) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  const auto file = trial.path("memory-captured.pagehash");
  const PageHashes hashes = three_pages();
  ASSERT_TRUE(write_page_hashes(file, hashes));
  const PageHashes read = read_page_hashes(file).value();
  EXPECT_EQ(read.ram_base, kBase);
  EXPECT_EQ(read.hashes, hashes.hashes);
}

TEST(PageHashes, RefuseWhatIsTruncatedOrNotOurs) {
  const TrialCopy trial("arm64-6.1-bad-headers");
  const auto file = trial.path("memory-captured.pagehash");
  ASSERT_TRUE(write_page_hashes(file, three_pages()));
  const std::string good = read_file(file).value();
  ASSERT_TRUE(parse_page_hashes(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parse_page_hashes(std::string_view(good).substr(0, size))) << size;
  EXPECT_FALSE(parse_page_hashes(good + "x"));
  std::string other = good;
  other[0] = 'X';
  EXPECT_FALSE(parse_page_hashes(other));
  other = good;
  other[8] = 2;  // version
  EXPECT_FALSE(parse_page_hashes(other));
}

}  // namespace
}  // namespace crashpath
