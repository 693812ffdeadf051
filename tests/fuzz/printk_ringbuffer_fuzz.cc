#include "harness/evidence/printk_ringbuffer.h"

#include <cstring>

#include "tests/fuzz/fuzz_input.h"

using namespace crashpath;

namespace {

constexpr std::uint64_t kBase = 0xc000000000000000;

/// Of 6.12: arm64 and ppc64 agree in all of these.
constexpr std::string_view kVmcoreinfo =
    "SYMBOL(prb)=c000000000000000\n"
    "SIZE(printk_ringbuffer)=88\nOFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_"
    "ring)=48\n"
    "SIZE(prb_desc_ring)=48\nOFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
    "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
    "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
    "SIZE(prb_data_blk_lpos)=16\nOFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\n"
    "SIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
    "SIZE(prb_data_ring)=32\nOFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
    "SIZE(atomic_long_t)=8\nOFFSET(atomic_long_t.counter)=0\n";

}  // namespace

/// The input: lines that change VMCOREINFO, up to a NUL, then the memory from kBase on.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = text_of(data, size);
  const std::string_view lines = input.substr(0, input.find('\0'));
  const std::string_view memory = input.substr(std::min(lines.size() + 1, input.size()));
  const Vmcoreinfo vmcoreinfo{std::string(kVmcoreinfo) + std::string(lines)};
  const auto log = read_printk_ringbuffer(
      vmcoreinfo, [memory](std::uint64_t address, std::span<std::byte> into) -> Result<> {
        const std::uint64_t at = address - kBase;
        if (at > memory.size() || memory.size() - at < into.size()) return Error::guest("not in the dump");
        std::memcpy(into.data(), memory.data() + at, into.size());
        return {};
      });
  // Each line of the log costs a stamp; its text cannot be more than the memory holds.
  if (log) require(log->size() <= 64 * (memory.size() + 1));
  return 0;
}
