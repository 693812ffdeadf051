#include "harness/evidence/printk_ringbuffer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "harness/evidence/vmcore.h"
#include "tests/corpus/trial_copy.h"

namespace crashpath {
namespace {

using testing::HasSubstr;

/// A real dump in which single words of memory are other than they were.
class PrintkRingbuffer : public testing::Test {
 protected:
  PrintkRingbuffer() : trial_("pseries-6.12"), vmcore_(Vmcore::open(trial_.path("vmcore")).value()) {
    prb_ = word(number("SYMBOL(prb)"));
    desc_ring_ = prb_ + number("OFFSET(printk_ringbuffer.desc_ring)");
    data_ring_ = prb_ + number("OFFSET(printk_ringbuffer.text_data_ring)");
  }

  std::uint64_t number(std::string_view key) const { return vmcore_->vmcoreinfo().number(key).value(); }

  std::uint64_t word(std::uint64_t address) const {
    std::uint64_t value = 0;
    read(address, std::as_writable_bytes(std::span(&value, 1))).value();
    return value;
  }

  Result<> read(std::uint64_t address, std::span<std::byte> into) const {
    // The recorded dump has only the pages of the ring that were in use.
    CP_TRY(vmcore_->to_physical(address));
    if (!vmcore_->read_virtual(address, into)) std::fill(into.begin(), into.end(), std::byte{});
    for (const auto& [at, value] : changed_) {
      for (std::uint64_t i = 0; i < sizeof value; ++i) {
        if (at + i >= address && at + i < address + into.size())
          into[at + i - address] = static_cast<std::byte>(value >> (8 * i));
      }
    }
    return {};
  }

  Result<std::string> log(const Vmcoreinfo& vmcoreinfo) const {
    return read_printk_ringbuffer(
        vmcoreinfo, [this](std::uint64_t address, std::span<std::byte> into) { return read(address, into); });
  }
  Result<std::string> log() const { return log(vmcore_->vmcoreinfo()); }

  /// VMCOREINFO with one line's value changed.
  Vmcoreinfo with(const std::string& key, const std::string& value) const {
    return Vmcoreinfo(vmcore_->vmcoreinfo().text() + key + "=" + value + "\n");
  }

  /// Address of the descriptor of the first record. The tail is the one before it as long as the ring was
  /// never full.
  std::uint64_t first_descriptor() const {
    const std::uint64_t count =
        1ULL << (word(desc_ring_ + number("OFFSET(prb_desc_ring.count_bits)")) & 0xffffffff);
    const std::uint64_t id = word(desc_ring_ + number("OFFSET(prb_desc_ring.tail_id)")) & ((1ULL << 62) - 1);
    return word(desc_ring_ + number("OFFSET(prb_desc_ring.descs)")) +
           (id + 1) % count * number("SIZE(prb_desc)");
  }

  TrialCopy trial_;
  std::unique_ptr<Vmcore> vmcore_;
  std::uint64_t prb_ = 0, desc_ring_ = 0, data_ring_ = 0;
  std::map<std::uint64_t, std::uint64_t> changed_;
};

TEST_F(PrintkRingbuffer, HasEveryRecordInOrder) {
  const std::string text = log().value();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 290);
  EXPECT_LT(text.find("Linux version"), text.find("Run /init as init process"));
  EXPECT_LT(text.find("sysrq: Trigger a crash"), text.find("kexec: Starting switchover sequence."));
}

TEST_F(PrintkRingbuffer, PutsATimeStampOnEveryLineOfARecord) {
  // One record of several lines: registers of the interrupted context.
  const std::string text = log().value();
  EXPECT_THAT(text, HasSubstr("IRQMASK: 0 \n[    6.333344] GPR00: "));
}

TEST_F(PrintkRingbuffer, LeavesOutARecordThatIsBeingWritten) {
  const std::string before = log().value();
  changed_[first_descriptor()] = word(first_descriptor()) & ((1ULL << 62) - 1);  // state 0: reserved
  const std::string after = log().value();
  EXPECT_EQ(after, before.substr(before.find('\n') + 1));
}

TEST_F(PrintkRingbuffer, RefusesSizesThatNoRingHas) {
  changed_[desc_ring_] = 60;
  EXPECT_THAT(log().error().message(), HasSubstr("2^60 records"));
  changed_ = {{data_ring_, 40}};
  EXPECT_THAT(log().error().message(), HasSubstr("2^40 bytes"));
}

TEST_F(PrintkRingbuffer, EndsWhenTheHeadCannotBeReached) {
  changed_[desc_ring_ + number("OFFSET(prb_desc_ring.head_id)")] = 12345678901;
  EXPECT_THAT(log().error().message(), HasSubstr("no way from its tail"));
}

TEST_F(PrintkRingbuffer, RefusesTextThatBelongsToAnotherRecordOrToNone) {
  const std::uint64_t begin = first_descriptor() + number("OFFSET(prb_desc.text_blk_lpos)");
  changed_[begin] = word(begin) + 8;
  EXPECT_THAT(log().error().message(), HasSubstr("belongs to record"));
  changed_[begin] = 0x7000000;
  EXPECT_THAT(log().error().message(), HasSubstr("which no ring of"));
  changed_ = {{begin + 8, word(begin)}};  // ends where it begins
  EXPECT_THAT(log().error().message(), HasSubstr("which no ring of"));
}

TEST_F(PrintkRingbuffer, RefusesAVmcoreinfoThatDoesNotFit) {
  EXPECT_THAT(log(with("SIZE(prb_desc)", "100000")).error().message(), HasSubstr("no usable SIZE(prb_desc)"));
  EXPECT_THAT(log(with("OFFSET(printk_info.ts_nsec)", "88")).error().message(),
              HasSubstr("outside of struct"));
  EXPECT_THAT(log(with("OFFSET(prb_desc_ring.descs)", "x")).error().message(),
              HasSubstr("prb_desc_ring.descs"));
  EXPECT_THAT(log(Vmcoreinfo("OSRELEASE=5.4\n")).error().message(), HasSubstr("5.10 or later"));
}

TEST_F(PrintkRingbuffer, RefusesAPointerToNowhere) {
  changed_[number("SYMBOL(prb)")] = 0x10;
  EXPECT_THAT(log().error().message(), HasSubstr("0x10 is neither in the linear map"));
}

}  // namespace
}  // namespace crashpath
