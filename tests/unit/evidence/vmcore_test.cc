#include "harness/evidence/vmcore.h"

#include <gmock/gmock.h>

#include "harness/base/file.h"
#include "harness/evidence/extract.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Expected {
  const char* trial;
  const char* file;
  const char* format;
  const char* architecture;
  std::uint64_t page_size;
  const char* release;
  std::int64_t pid;  ///< of the task that crashed, on CPU 1
};

class RealDump : public testing::TestWithParam<Expected> {};

TEST_P(RealDump, IsRead) {
  const Expected& expected = GetParam();
  const TrialCopy trial(expected.trial);
  const auto vmcore = Vmcore::open(trial.path(expected.file)).value();
  EXPECT_EQ(vmcore->format(), expected.format);
  EXPECT_EQ(vmcore->architecture(), expected.architecture);
  EXPECT_EQ(vmcore->page_size(), expected.page_size);
  EXPECT_EQ(vmcore->vmcoreinfo().value("OSRELEASE"), expected.release);
  ASSERT_EQ(vmcore->cpus().size(), 4U);
  EXPECT_EQ(vmcore->cpus()[1].pid, expected.pid);
  EXPECT_EQ(vmcore->cpus()[0].pid, 0);
  for (const CpuRegisters& cpu : vmcore->cpus()) EXPECT_NE(cpu.pc().value_or(0), 0U);
}

TEST_P(RealDump, HasItsLog) {
  const TrialCopy trial(GetParam().trial);
  const std::string log = Vmcore::open(trial.path(GetParam().file)).value()->dmesg().value();
  EXPECT_THAT(log, StartsWith("[    0.000000] "));
  EXPECT_THAT(log, HasSubstr("] Linux version " + std::string(GetParam().release)));
  EXPECT_THAT(log, HasSubstr("] Kernel panic - not syncing: sysrq triggered crash\n"));
}

TEST_P(RealDump, HasOnlyItsPages) {
  const TrialCopy trial(GetParam().trial);
  const auto vmcore = Vmcore::open(trial.path(GetParam().file)).value();
  std::vector<std::byte> page(vmcore->page_size());
  std::uint64_t last = 0;
  for (auto pfn = vmcore->next_page(0); pfn; pfn = vmcore->next_page(*pfn + 1)) {
    EXPECT_TRUE(vmcore->has_page(*pfn));
    EXPECT_TRUE(vmcore->read(*pfn * page.size(), page));
    last = *pfn;
  }
  EXPECT_GT(last, 0U);
  EXPECT_FALSE(vmcore->has_page(last + 1));
  const auto read = vmcore->read((last + 1) * page.size(), page);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault(), Fault::guest);
}

INSTANTIATE_TEST_SUITE_P(Trials, RealDump,
                         testing::Values(Expected{"arm64-6.12", "vmcore", "elf", "aarch64", 4096,
                                                  "6.12.95+deb12-arm64", 176},
                                         Expected{"pseries-6.12", "vmcore", "elf", "ppc64", 4096,
                                                  "6.12.95+deb12-powerpc64le", 186},
                                         Expected{"pseries-6.1", "vmcore.kdump", "diskdump", "ppc64", 65536,
                                                  "6.1.0-50-powerpc64le", 128}),
                         [](const auto& info) { return "Dump" + std::to_string(info.index); });

TEST(Vmcore, ReadsVirtualMemory) {
  const TrialCopy trial("arm64-6.12");
  const auto vmcore = Vmcore::open(trial.path("vmcore")).value();
  // struct printk_ringbuffer *prb: a pointer into the kernel image itself.
  std::uint64_t prb = 0;
  ASSERT_TRUE(vmcore->read_virtual(vmcore->vmcoreinfo().number("SYMBOL(prb)").value(),
                                   std::as_writable_bytes(std::span(&prb, 1))));
  EXPECT_EQ(prb, vmcore->vmcoreinfo().number("SYMBOL(printk_rb_static)"));
}

TEST(Vmcore, IsNotOpenedWhenTruncated) {
  TrialCopy trial("arm64-6.12");
  for (const std::uintmax_t size : {200'000U, 20'000U, 5'000U, 100U, 10U, 0U}) {
    trial.truncate("vmcore", size);
    const auto vmcore = Vmcore::open(trial.path("vmcore"));
    ASSERT_FALSE(vmcore) << size;
    EXPECT_EQ(vmcore.error().fault(), Fault::guest);
    EXPECT_THAT(vmcore.error().message(), StartsWith("vmcore"));
  }
}

TEST(Vmcore, ADamagedElfHeaderIsAnError) {
  // Class, type, machine, where the program headers are, where and how many sections are.
  for (const std::uintmax_t offset : {4U, 16U, 18U, 32U, 40U, 60U}) {
    TrialCopy trial("arm64-6.12");
    trial.flip_byte("vmcore", offset);
    EXPECT_FALSE(Vmcore::open(trial.path("vmcore"))) << offset;
  }
}

TEST(Vmcore, AMissingFileIsTheHostsFault) {
  const auto vmcore = Vmcore::open("/nonexistent/vmcore");
  ASSERT_FALSE(vmcore);
  EXPECT_EQ(vmcore.error().fault(), Fault::host);
}

TEST(Extract, WritesWhatPeopleRead) {
  const TrialCopy trial("pseries-6.1");
  ASSERT_TRUE(extract_from_vmcore(trial.directory()));
  EXPECT_THAT(read_file(trial.path("vmcoreinfo.txt")).value(),
              StartsWith("OSRELEASE=6.1.0-50-powerpc64le\n"));
  EXPECT_THAT(read_file(trial.path("dmesg-from-vmcore.txt")).value(), HasSubstr("sysrq triggered crash"));
  EXPECT_FALSE(extract_from_vmcore(TrialCopy("arm64-6.1-bad-headers").directory()));
}

}  // namespace
}  // namespace crashpath
