#include "crashpaths/checks/workarea_dump.h"

#include <elf.h>

#include <cstring>
#include <fstream>

#include "harness/base/file.h"
#include "harness/evidence/evidence.h"
#include "tests/unit/checks/run_check.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A pseries kernel that crashed while 112 requests waited.
class WorkAreaDump : public testing::Test {
 protected:
  Result<WorkAreaPool> read() const {
    const Evidence evidence(trial_.directory());
    return read_work_area_pool(*CP_TRY(evidence.kernel_state()));
  }

  /// Writes a number to the guest's memory, as the dump has it.
  void write(std::uint64_t physical, std::uint64_t value) {
    const std::string dump = read_file(trial_.path("vmcore")).value();
    Elf64_Ehdr header;
    std::memcpy(&header, dump.data(), sizeof header);
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr segment;
      std::memcpy(&segment, dump.data() + header.e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type != PT_LOAD || physical < segment.p_paddr ||
          physical >= segment.p_paddr + segment.p_filesz)
        continue;
      std::fstream file(trial_.path("vmcore"), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(static_cast<std::streamoff>(segment.p_offset + physical - segment.p_paddr));
      file.write(reinterpret_cast<const char*>(&value), sizeof value);
      ASSERT_TRUE(file.flush());
      return;
    }
    FAIL() << fmt::format("the dump does not have {:#x}", physical);
  }

  TrialCopy trial_{"pseries-6.12-workarea"};
};

// Physical addresses of members.
constexpr std::uint64_t kPoolPointer = 0x255e238;  ///< rwa_state.gen_pool
constexpr std::uint64_t kOrder = 0x7b4ec80 + 24;   ///< gen_pool.min_alloc_order
constexpr std::uint64_t kFirstWaiter = 0x685f9f8;  ///< mutex_waiter.list.next
constexpr std::uint64_t kChunk = 0x7ed4000;        ///< gen_pool_chunk
constexpr std::uint64_t kLinearMap = 0xc000000000000000;

TEST_F(WorkAreaDump, SaysWhatIsGivenOutAndWhoWaits) {
  const auto pool = read();
  ASSERT_TRUE(pool) << pool.error().to_string();
  EXPECT_THAT(pool->arena, ElementsAre(Range{0x3ff9c000, 0x3ffdc000}));
  EXPECT_EQ(pool->granule, 128U);
  EXPECT_THAT(pool->used, ElementsAre(Range{0x3ff9c000, 0x3ffa3000}, Range{0x3ffa5000, 0x3ffa6000},
                                      Range{0x3ffac000, 0x3ffad000}, Range{0x3ffae000, 0x3ffaf000}));
  ASSERT_TRUE(pool->first);
  EXPECT_EQ(pool->first->name, "crash-workload/250");
  ASSERT_EQ(pool->queue.size(), 111U);
  EXPECT_EQ(pool->queue.front().name, "crash-workload/259");
  EXPECT_EQ(pool->queue.front().pid, 259);
}

TEST_F(WorkAreaDump, AGranuleMoreIsSeen) {
  write(kChunk + 56 + 248, std::uint64_t{1} << 63);
  EXPECT_EQ(read().value().used.back(), (Range{0x3ffdbf80, 0x3ffdc000}));
}

TEST_F(WorkAreaDump, AQueueWithoutAnEndIsAnError) {
  write(kFirstWaiter, kLinearMap + kFirstWaiter);
  EXPECT_THAT(read().error().message(), HasSubstr("wait_list has more than 4096 entries"));
}

TEST_F(WorkAreaDump, SizesThatNoPoolHasAreErrors) {
  write(kChunk + 48, ~std::uint64_t{0});
  EXPECT_THAT(read().error().message(), HasSubstr("bytes"));
  write(kOrder, 63);
  EXPECT_THAT(read().error().message(), HasSubstr("granules of 2^63 bytes"));
}

TEST_F(WorkAreaDump, APoolElsewhereIsAnError) {
  write(kPoolPointer, kLinearMap + 0x10000000);
  EXPECT_THAT(read().error().message(), HasSubstr("0x10000"));
}

TEST_F(WorkAreaDump, AKernelWithoutTheAllocatorLacksIt) {
  trial_.edit_messages([](boost::json::object& message) {
    if (boost::json::value* symbols = message.if_contains("symbols"))
      symbols->get_object().erase("rwa_state");
    message["missing"] = boost::json::array{"rwa_state"};
  });
  EXPECT_EQ(read().error().fault(), Fault::lacks) << read().error().message();
}

}  // namespace
}  // namespace crashpath
