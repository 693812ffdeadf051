#include "harness/evidence/saved_memory.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>

#include "harness/evidence/first_kernel.h"
#include "harness/evidence/vmcore.h"

namespace crashpath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kRam = 0x40000000;

/// 1 GiB from kRam, in which every 8 bytes are their own address.
class AddressMemory final : public PhysicalMemory {
 public:
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address < kRam || address + into.size() > 2 * kRam) return Error::guest("no memory there");
    for (std::size_t i = 0; i + 8 <= into.size(); i += 8) {
      const std::uint64_t value = address + i;
      std::memcpy(into.data() + i, &value, sizeof value);
    }
    return {};
  }
};

class SavedMemoryTest : public testing::Test {
 protected:
  ~SavedMemoryTest() override { std::filesystem::remove(file_); }
  Result<> save(const std::vector<Range>& ranges) {
    return save_memory(file_, AddressMemory(), ranges, "aarch64",
                       Vmcoreinfo("OSRELEASE=6.12\nPAGESIZE=4096\n"));
  }
  static Result<std::uint64_t> read(const SavedMemory& memory, std::uint64_t address) {
    std::uint64_t value = 0;
    const auto done = memory.read(address, std::as_writable_bytes(std::span(&value, 1)));
    if (!done) return done.error();
    return value;
  }

  std::filesystem::path file_ =
      std::filesystem::path(testing::TempDir()) / ("memory-armed." + std::to_string(getpid()));
};

TEST_F(SavedMemoryTest, HoldsWholePagesOfWhatWasNamed) {
  ASSERT_TRUE(save({{kRam + 0x5008, kRam + 0x5010}, {kRam + 0x1ff8, kRam + 0x2001}, {kRam, kRam}}));
  const SavedMemory memory = SavedMemory::open(file_).value();
  EXPECT_THAT(memory.ranges(),
              ElementsAre(Range{kRam + 0x1000, kRam + 0x3000}, Range{kRam + 0x5000, kRam + 0x6000}));
  EXPECT_EQ(memory.architecture(), "aarch64");
  EXPECT_EQ(memory.vmcoreinfo().value("OSRELEASE"), "6.12");
  for (const std::uint64_t address : {0x1000U, 0x1ff8U, 0x2ff8U, 0x5000U, 0x5ff8U})
    EXPECT_EQ(read(memory, kRam + address).value(), kRam + address);
  for (const std::uint64_t address : {0xff8U, 0xffcU, 0x2ffcU, 0x3000U, 0x6000U}) {
    const auto missing = read(memory, kRam + address);
    ASSERT_FALSE(missing) << address;
    EXPECT_EQ(missing.error().fault(), Fault::lacks);
  }
  EXPECT_FALSE(read(memory, UINT64_MAX - 3));
}

TEST_F(SavedMemoryTest, IsACoreFileForOthersToo) {
  ASSERT_TRUE(save({{kRam + 0x5000, kRam + 0x6000}}));
  const auto core = Vmcore::open(file_).value();
  EXPECT_EQ(core->format(), "elf");
  EXPECT_EQ(core->vmcoreinfo().value("OSRELEASE"), "6.12");
  std::uint64_t value = 0;
  ASSERT_TRUE(core->read(kRam + 0x5008, std::as_writable_bytes(std::span(&value, 1))));
  EXPECT_EQ(value, kRam + 0x5008);
}

TEST_F(SavedMemoryTest, WhatCannotBeSavedLeavesNoFile) {
  EXPECT_EQ(save({{0x1000, 0x2000}}).error().message(), "no memory there");
  EXPECT_THAT(save({{kRam, kRam + kMaxSavedMemory + 1}}).error().message(), HasSubstr("are more than"));
  EXPECT_THAT(save({{kRam, UINT64_MAX}}).error().message(), HasSubstr("are more than"));
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(SavedMemoryTest, IsNotOpenedWhenDamaged) {
  ASSERT_TRUE(save({{kRam + 0x5000, kRam + 0x6000}}));
  for (const std::uintmax_t size : {8191U, 4096U, 100U, 10U, 0U}) {
    std::filesystem::resize_file(file_, size);
    EXPECT_FALSE(SavedMemory::open(file_)) << size;
  }
}

/// /sys/kernel/vmcoreinfo's note, in a page of zeros.
class NoteMemory final : public PhysicalMemory {
 public:
  explicit NoteMemory(std::string text) : text_(std::move(text)) {}
  Result<> read(std::uint64_t address, std::span<std::byte> into) const override {
    if (address != kRam) return Error::guest("no memory there");
    const std::array<std::uint32_t, 3> header{11, static_cast<std::uint32_t>(text_.size()), 0};
    std::string note(reinterpret_cast<const char*>(header.data()), sizeof header);
    note += std::string("VMCOREINFO\0\0", 12) + text_;
    note.resize(into.size());
    std::memcpy(into.data(), note.data(), note.size());
    return {};
  }

 private:
  std::string text_;
};

TEST(VmcoreinfoNote, IsReadWhereTheKernelSaysItLies) {
  const NoteMemory memory("OSRELEASE=6.12.95\nPAGESIZE=4096\nX=1\n");
  for (const char* where : {"0x0000000040000000 1024\n", "40000000 1000", "0x40000000 1021"}) {
    const auto vmcoreinfo = read_vmcoreinfo_note(memory, where);
    ASSERT_TRUE(vmcoreinfo) << where << ": " << vmcoreinfo.error().message();
    EXPECT_EQ(vmcoreinfo->text(), "OSRELEASE=6.12.95\nPAGESIZE=4096\nX=1\n");
  }
  for (const char* where : {"", "0x40000000", "0x40000000 -1", "0x40000000 ffffffff", "x", "0x40000000 20",
                            "0x40000000 4", "0x40000000 0", "0x50000000 1024"})
    EXPECT_FALSE(read_vmcoreinfo_note(memory, where)) << where;
  EXPECT_FALSE(read_vmcoreinfo_note(NoteMemory(""), "0x40000000 1024"));
}

}  // namespace
}  // namespace crashpath
