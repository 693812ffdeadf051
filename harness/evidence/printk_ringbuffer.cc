#include "harness/evidence/printk_ringbuffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

namespace crashpath {
namespace {

// CONFIG_LOG_BUF_SHIFT is at most 25; a record takes at least 32 bytes of the ring (PRB_AVGBITS 5).
constexpr std::uint64_t kMaxSizeBits = 27;
constexpr std::uint64_t kMaxCountBits = 22;
constexpr std::uint64_t kMaxStructSize = 4096;

// The two upper bits of a descriptor's state variable are its state, the others its id.
constexpr int kStateShift = 62;
constexpr std::uint64_t kIdMask = (1ULL << kStateShift) - 1;
constexpr std::uint64_t kCommitted = 1, kFinalized = 2;

/// One struct of the kernel, read whole; its members are looked up in VMCOREINFO.
class Struct {
 public:
  static Result<Struct> read(const Vmcoreinfo& vmcoreinfo, const KernelMemory& memory, std::string_view name,
                             std::uint64_t address) {
    const auto size = vmcoreinfo.number(fmt::format("SIZE({})", name));
    if (!size || *size == 0 || *size > kMaxStructSize)
      return Error::guest(fmt::format("VMCOREINFO has no usable SIZE({})", name));
    Struct result(vmcoreinfo, name, std::vector<std::byte>(*size));
    CP_TRY(memory(address, result.bytes_));
    return result;
  }

  /// Byte offset of a member in this struct.
  Result<std::uint64_t> offset(std::string_view member) const {
    const auto offset = vmcoreinfo_->number(fmt::format("OFFSET({}.{})", name_, member));
    if (!offset) return Error::guest(fmt::format("VMCOREINFO has no OFFSET({}.{})", name_, member));
    return *offset;
  }

  /// An unsigned little-endian integer `at` bytes into the struct.
  template <class Integer>
  Result<std::uint64_t> integer_at(std::uint64_t at) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(Integer))
      return Error::guest(fmt::format("VMCOREINFO puts a member outside of struct {}", name_));
    Integer value;
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

  template <class Integer>
  Result<std::uint64_t> integer(std::string_view member) const {
    return integer_at<Integer>(CP_TRY(offset(member)));
  }

 private:
  Struct(const Vmcoreinfo& vmcoreinfo, std::string_view name, std::vector<std::byte> bytes)
      : vmcoreinfo_(&vmcoreinfo), name_(name), bytes_(std::move(bytes)) {}

  const Vmcoreinfo* vmcoreinfo_;
  std::string name_;
  std::vector<std::byte> bytes_;
};

struct Ring {
  std::uint64_t count = 0;  ///< descriptors, a power of two
  std::uint64_t descriptors = 0, infos = 0;
  std::uint64_t descriptor_size = 0, info_size = 0;
  std::uint64_t head_id = 0, tail_id = 0;
  std::vector<std::byte> data;  ///< the text data ring, its size a power of two
};

Result<Ring> read_ring(const Vmcoreinfo& vmcoreinfo, const KernelMemory& memory) {
  const auto symbol = vmcoreinfo.number("SYMBOL(prb)");
  if (!symbol)
    return Error::guest("VMCOREINFO has no SYMBOL(prb): no printk ring buffer of Linux 5.10 or later");
  std::uint64_t address = 0;
  CP_TRY(memory(*symbol, std::as_writable_bytes(std::span(&address, 1))));

  const Struct prb = CP_TRY(Struct::read(vmcoreinfo, memory, "printk_ringbuffer", address));
  const Struct desc =
      CP_TRY(Struct::read(vmcoreinfo, memory, "prb_desc_ring", address + CP_TRY(prb.offset("desc_ring"))));
  const Struct data = CP_TRY(
      Struct::read(vmcoreinfo, memory, "prb_data_ring", address + CP_TRY(prb.offset("text_data_ring"))));

  const std::uint64_t count_bits = CP_TRY(desc.integer<std::uint32_t>("count_bits"));
  const std::uint64_t size_bits = CP_TRY(data.integer<std::uint32_t>("size_bits"));
  if (count_bits > kMaxCountBits || size_bits > kMaxSizeBits)
    return Error::guest(
        fmt::format("printk ring buffer of 2^{} records and 2^{} bytes: the dump's memory "
                    "does not hold one",
                    count_bits, size_bits));
  const std::uint64_t counter = vmcoreinfo.number("OFFSET(atomic_long_t.counter)").value_or(0);
  Ring ring;
  ring.count = 1ULL << count_bits;
  ring.descriptors = CP_TRY(desc.integer<std::uint64_t>("descs"));
  ring.infos = CP_TRY(desc.integer<std::uint64_t>("infos"));
  ring.descriptor_size = vmcoreinfo.number("SIZE(prb_desc)").value_or(0);
  ring.info_size = vmcoreinfo.number("SIZE(printk_info)").value_or(0);
  ring.head_id = CP_TRY(desc.integer_at<std::uint64_t>(CP_TRY(desc.offset("head_id")) + counter)) & kIdMask;
  ring.tail_id = CP_TRY(desc.integer_at<std::uint64_t>(CP_TRY(desc.offset("tail_id")) + counter)) & kIdMask;
  ring.data.resize(1ULL << size_bits);
  CP_TRY(memory(CP_TRY(data.integer<std::uint64_t>("data")), ring.data));
  return ring;
}

/// The data block between two logical positions: a long with the record's id, then text. Empty for a record
/// without text. A block that would wrap stands at the beginning of the ring instead.
Result<std::span<const std::byte>> data_block(const Ring& ring, std::uint64_t id, std::uint64_t begin,
                                              std::uint64_t next) {
  if (begin % 2 == 1) return std::span<const std::byte>();  // LPOS_DATALESS
  const std::uint64_t size = ring.data.size();
  // Whether a block that ends with the ring is one that wraps changed between kernels: next - 1 serves both.
  const std::uint64_t wraps = (next - 1) / size - begin / size;
  const std::uint64_t at = wraps == 0 ? begin % size : 0;
  const std::uint64_t length = wraps == 0 ? next - begin : next % size;
  std::uint64_t owner = 0;
  if (wraps > 1 || length < sizeof owner || length > size - at)
    return Error::guest(
        fmt::format("printk ring buffer: record {} has its text at {:#x} to {:#x}, "
                    "which no ring of {} bytes has",
                    id, begin, next, size));
  std::memcpy(&owner, ring.data.data() + at, sizeof owner);
  if (owner != id)
    return Error::guest(
        fmt::format("printk ring buffer: the text of record {} belongs to record {}", id, owner));
  return std::span(ring.data).subspan(at + sizeof owner, length - sizeof owner);
}

void append_record(std::string& log, std::uint64_t nanoseconds, std::string_view text) {
  const std::string stamp =
      fmt::format("[{:5}.{:06}] ", nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000 / 1000);
  do {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    log += stamp;
    log += line;
    log += '\n';
  } while (!text.empty());
}

struct Record {
  std::uint64_t nanoseconds = 0;
  std::string_view text;  ///< in the ring
};

/// The record with this id, or none when it was overwritten or is being written.
Result<std::optional<Record>> read_record(const Vmcoreinfo& vmcoreinfo, const KernelMemory& memory,
                                          const Ring& ring, std::uint64_t id) {
  const std::uint64_t index = id % ring.count;
  const Struct desc =
      CP_TRY(Struct::read(vmcoreinfo, memory, "prb_desc", ring.descriptors + index * ring.descriptor_size));
  const std::uint64_t state_var = CP_TRY(desc.integer<std::uint64_t>("state_var"));
  const std::uint64_t state = state_var >> kStateShift;
  if ((state_var & kIdMask) != id || (state != kCommitted && state != kFinalized)) return std::nullopt;

  const std::uint64_t lpos = CP_TRY(desc.offset("text_blk_lpos"));
  const std::uint64_t begin_at = vmcoreinfo.number("OFFSET(prb_data_blk_lpos.begin)").value_or(0);
  const std::uint64_t next_at = vmcoreinfo.number("OFFSET(prb_data_blk_lpos.next)").value_or(8);
  const std::span<const std::byte> block =
      CP_TRY(data_block(ring, id, CP_TRY(desc.integer_at<std::uint64_t>(lpos + begin_at)),
                        CP_TRY(desc.integer_at<std::uint64_t>(lpos + next_at))));
  const Struct info =
      CP_TRY(Struct::read(vmcoreinfo, memory, "printk_info", ring.infos + index * ring.info_size));
  const std::uint64_t length =
      std::min<std::uint64_t>(CP_TRY(info.integer<std::uint16_t>("text_len")), block.size());
  return Record{CP_TRY(info.integer<std::uint64_t>("ts_nsec")),
                {reinterpret_cast<const char*>(block.data()), length}};
}

}  // namespace

Result<std::string> read_printk_ringbuffer(const Vmcoreinfo& vmcoreinfo, const KernelMemory& memory) {
  const Ring ring = CP_TRY(read_ring(vmcoreinfo, memory));
  std::string log;
  std::uint64_t text_size = 0;
  std::uint64_t id = ring.tail_id;
  for (std::uint64_t visited = 0; visited < ring.count; ++visited) {
    if (const auto record = CP_TRY(read_record(vmcoreinfo, memory, ring, id))) {
      text_size += record->text.size();
      if (text_size > ring.data.size())
        return Error::guest("printk ring buffer: more text than the ring has room for");
      append_record(log, record->nanoseconds, record->text);
    }
    if (id == ring.head_id) return log;
    id = (id + 1) & kIdMask;
  }
  return Error::guest(fmt::format("printk ring buffer: no way from its tail ({}) to its head ({})",
                                  ring.tail_id, ring.head_id));
}

}  // namespace crashpath
