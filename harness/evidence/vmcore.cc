#include "harness/evidence/vmcore.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libkdumpfile/kdumpfile.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "harness/base/file.h"
#include "harness/evidence/core_headers.h"
#include "harness/evidence/kernel_addresses.h"
#include "harness/evidence/printk_ringbuffer.h"
#include "harness/evidence/ranges.h"

namespace crashpath {
namespace {

/// More than NR_CPUS of any kernel: a count beyond it comes from a damaged file.
constexpr std::uint64_t kMaxCpus = 8192;

struct FreeContext {
  void operator()(kdump_ctx_t* context) const { kdump_free(context); }
};
struct ReleaseBitmap {
  void operator()(kdump_bmp_t* bitmap) const { kdump_bmp_decref(bitmap); }
};
using Context = std::unique_ptr<kdump_ctx_t, FreeContext>;
using Bitmap = std::unique_ptr<kdump_bmp_t, ReleaseBitmap>;

Error kdump_error(kdump_ctx_t* context, kdump_status status, const std::string& what) {
  const char* detail = kdump_get_err(context);
  return Error::guest(fmt::format("{}: {}", what, detail ? detail : kdump_strerror(status)));
}

Result<std::string> string_attribute(kdump_ctx_t* context, const char* key) {
  const char* value = nullptr;
  const kdump_status status = kdump_get_string_attr(context, key, &value);
  if (status != KDUMP_OK) return kdump_error(context, status, fmt::format("the dump has no {}", key));
  return std::string(value);
}

Result<std::uint64_t> number_attribute(kdump_ctx_t* context, const char* key) {
  kdump_num_t value = 0;
  const kdump_status status = kdump_get_number_attr(context, key, &value);
  if (status != KDUMP_OK) return kdump_error(context, status, fmt::format("the dump has no {}", key));
  return value;
}

/// kdump_free of libkdumpfile 0.5.1 crashes on a context in which opening a damaged dump failed half-way.
/// Such a context is kept for as long as the program runs.
void abandon(Context context) {
  static std::mutex mutex;
  static auto* const abandoned = new std::vector<kdump_ctx_t*>;  // outlives leak checks at exit
  const std::lock_guard lock(mutex);
  abandoned->push_back(context.release());
}

/// `whole`: the file is known to hold everything that its headers speak of.
Result<Context> open_dump(int fd, bool whole) {
  Context context(kdump_new());
  if (!context) return Error::host("libkdumpfile: out of memory");
  // Mapped only when whole: a page behind the end of a truncated file has to be an error, not a SIGBUS.
  kdump_set_number_attr(context.get(), KDUMP_ATTR_FILE_MMAP_POLICY,
                        whole ? KDUMP_MMAP_TRY : KDUMP_MMAP_NEVER);
  // The library looks for a page in its cache one entry after the other, and few are read twice.
  kdump_set_number_attr(context.get(), "cache.size", 16);
  // Without it the library does not look at VMCOREINFO.
  kdump_set_string_attr(context.get(), KDUMP_ATTR_OSTYPE, "linux");
  const kdump_status status = kdump_open_fd(context.get(), fd);
  if (status == KDUMP_OK) return context;
  Error error = kdump_error(context.get(), status, "libkdumpfile cannot read it");
  abandon(std::move(context));
  return error;
}

/// libkdumpfile reads zeroes behind the end of an ELF file instead of failing, and crashes on some broken
/// headers: so an ELF file is looked at before the library gets to see it. Any other file passes.
/// Returns whether it is an ELF file, and so known to be whole.
Result<bool> refuse_broken_elf(const std::filesystem::path& file, int fd) {
  std::array<char, SELFMAG> magic{};
  if (pread(fd, magic.data(), magic.size(), 0) != SELFMAG || std::memcmp(magic.data(), ELFMAG, SELFMAG) != 0)
    return false;
  std::uint64_t needed = 0;
  const auto headers = CP_TRY(read_core_headers(file));
  for (const LoadSegment& segment : headers.segments)
    needed = std::max(needed, saturated_sum(segment.file_offset, segment.file_size));
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (error) return Error::host(fmt::format("{}: {}", file.native(), error.message()));
  if (size >= needed) return true;
  return Error::guest(fmt::format("{} is truncated: its program headers ask for {} bytes, it has {}",
                                  file.filename().string(), needed, size));
}

Result<Bitmap> open_pagemap(kdump_ctx_t* context, const char* key) {
  kdump_attr_t attribute;
  attribute.type = KDUMP_BITMAP;
  const kdump_status status = kdump_get_typed_attr(context, key, &attribute);
  if (status != KDUMP_OK) return kdump_error(context, status, "the dump has no map of its pages");
  kdump_bmp_incref(attribute.val.bitmap);
  return Bitmap(attribute.val.bitmap);
}

bool has_bit(kdump_bmp_t* bitmap, std::uint64_t pfn) {
  unsigned char bits = 0;
  return kdump_bmp_get_bits(bitmap, pfn, pfn, &bits) == KDUMP_OK && (bits & 1) != 0;
}

Vmcoreinfo read_vmcoreinfo(kdump_ctx_t* context) {
  char* raw = nullptr;
  if (kdump_vmcoreinfo_raw(context, &raw) != KDUMP_OK || raw == nullptr) {
    kdump_clear_err(context);
    return {};
  }
  Vmcoreinfo vmcoreinfo{std::string(raw)};
  std::free(raw);
  return vmcoreinfo;
}

std::map<std::string, std::uint64_t, std::less<>> read_registers(kdump_ctx_t* context, std::uint64_t cpu) {
  std::map<std::string, std::uint64_t, std::less<>> values;
  kdump_attr_iter_t iterator;
  if (kdump_attr_iter_start(context, fmt::format("cpu.{}.reg", cpu).c_str(), &iterator) != KDUMP_OK) {
    kdump_clear_err(context);
    return values;
  }
  while (iterator.key != nullptr) {
    kdump_attr_t attribute;
    if (kdump_attr_ref_get(context, &iterator.pos, &attribute) == KDUMP_OK && attribute.type == KDUMP_NUMBER)
      values.emplace(iterator.key, attribute.val.number);
    if (kdump_attr_iter_next(context, &iterator) != KDUMP_OK) break;
  }
  kdump_attr_iter_end(context, &iterator);
  return values;
}

std::vector<CpuRegisters> read_cpus(kdump_ctx_t* context) {
  std::vector<CpuRegisters> cpus;
  kdump_num_t count = 0;
  kdump_get_number_attr(context, KDUMP_ATTR_NUM_CPUS, &count);
  for (std::uint64_t cpu = 0; cpu < count && cpu < kMaxCpus; ++cpu) {
    CpuRegisters registers;
    kdump_num_t pid = 0;
    kdump_get_number_attr(context, fmt::format("cpu.{}.pid", cpu).c_str(), &pid);
    registers.pid = static_cast<std::int64_t>(pid);
    registers.values = read_registers(context, cpu);
    cpus.push_back(std::move(registers));
  }
  kdump_clear_err(context);
  return cpus;
}

}  // namespace

struct Vmcore::Impl {
  UniqueFd fd;
  Context context;
  Bitmap pagemap;  ///< pages that the file holds
  Bitmap memory;   ///< pages that the guest had; none: all up to max_pfn
  std::string format, architecture;
  std::uint64_t page_size = 0, max_pfn = 0;
  Vmcoreinfo vmcoreinfo;
  std::vector<CpuRegisters> cpus;
};

Vmcore::Vmcore() : impl_(std::make_unique<Impl>()) {}
Vmcore::~Vmcore() = default;

Result<std::unique_ptr<Vmcore>> Vmcore::open(const std::filesystem::path& file) {
  std::unique_ptr<Vmcore> vmcore(new Vmcore);
  Impl& impl = *vmcore->impl_;
  impl.fd = CP_TRY(open_file(file, O_RDONLY));
  const bool whole = CP_TRY(refuse_broken_elf(file, impl.fd.get()));
  auto context = open_dump(impl.fd.get(), whole);
  if (!context) return Error(std::move(context).error()).within(file.filename().string());
  impl.context = std::move(*context);

  kdump_ctx_t* raw = impl.context.get();
  impl.format = CP_TRY(string_attribute(raw, KDUMP_ATTR_FILE_FORMAT));
  impl.architecture = CP_TRY(string_attribute(raw, KDUMP_ATTR_ARCH_NAME));
  impl.page_size = CP_TRY(number_attribute(raw, KDUMP_ATTR_PAGE_SIZE));
  impl.max_pfn = CP_TRY(number_attribute(raw, "max_pfn"));
  impl.pagemap = CP_TRY(open_pagemap(raw, KDUMP_ATTR_FILE_PAGEMAP));
  // Of a kdump file libkdumpfile 0.5.1 makes this map by leaking memory.
  if (impl.format == "elf") impl.memory = CP_TRY(open_pagemap(raw, KDUMP_ATTR_MEMORY_PAGEMAP));
  impl.vmcoreinfo = read_vmcoreinfo(raw);
  impl.cpus = read_cpus(raw);
  return vmcore;
}

std::optional<std::uint64_t> CpuRegisters::pc() const {
  const auto found = values.find("pc");
  if (found == values.end()) return std::nullopt;
  return found->second;
}

const std::string& Vmcore::format() const {
  return impl_->format;
}
const std::string& Vmcore::architecture() const {
  return impl_->architecture;
}
std::uint64_t Vmcore::page_size() const {
  return impl_->page_size;
}
std::uint64_t Vmcore::max_pfn() const {
  return impl_->max_pfn;
}
const Vmcoreinfo& Vmcore::vmcoreinfo() const {
  return impl_->vmcoreinfo;
}
const std::vector<CpuRegisters>& Vmcore::cpus() const {
  return impl_->cpus;
}

bool Vmcore::has_page(std::uint64_t pfn) const {
  return has_bit(impl_->pagemap.get(), pfn);
}

std::optional<std::uint64_t> Vmcore::next_page(std::uint64_t pfn) const {
  kdump_addr_t found = pfn;
  if (kdump_bmp_find_set(impl_->pagemap.get(), &found) != KDUMP_OK) return std::nullopt;
  return found;
}

Result<> Vmcore::read(std::uint64_t address, std::span<std::byte> into) const {
  std::size_t length = into.size();
  kdump_ctx_t* context = impl_->context.get();
  const kdump_status status = kdump_read(context, KDUMP_MACHPHYSADDR, address, into.data(), &length);
  if (status != KDUMP_OK || length != into.size()) {
    const std::uint64_t failed = address + length;
    Error error = kdump_error(context, status, fmt::format("physical address {:#x}", failed));
    kdump_clear_err(context);
    const std::uint64_t pfn = failed / impl_->page_size;
    const bool memory = impl_->memory ? has_bit(impl_->memory.get(), pfn) : pfn < impl_->max_pfn;
    if (has_page(pfn) || !memory) return error;
    return Error(Fault::lacks, fmt::format("the dump leaves out the page at physical address {:#x}",
                                           pfn * impl_->page_size));
  }
  return {};
}

Result<> Vmcore::read_virtual(std::uint64_t address, std::span<std::byte> into) const {
  return read(CP_TRY(to_physical(address)), into);
}

Result<std::uint64_t> Vmcore::to_physical(std::uint64_t virtual_address) const {
  return kernel_to_physical(impl_->architecture, impl_->vmcoreinfo, virtual_address);
}

Result<std::string> Vmcore::dmesg() const {
  return read_printk_ringbuffer(impl_->vmcoreinfo, [this](std::uint64_t address, std::span<std::byte> into) {
    return read_virtual(address, into);
  });
}

}  // namespace crashpath
