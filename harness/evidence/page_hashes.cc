#include "harness/evidence/page_hashes.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "harness/base/file.h"

namespace crashpath {
namespace {

/// The head of the file; the hashes follow. Little-endian, as every host that runs crashpath is.
struct Header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t page_size;
  std::uint64_t ram_base;
  std::uint64_t pages;
};
static_assert(sizeof(Header) == 32);
constexpr std::string_view kMagic = "CPPGHASH";

}  // namespace

const std::uint64_t* PageHashes::find(std::uint64_t address) const {
  if (address < ram_base || address % kHashedPageSize != 0) return nullptr;
  const std::uint64_t index = (address - ram_base) / kHashedPageSize;
  return index < hashes.size() ? &hashes[index] : nullptr;
}

std::uint64_t hash_page(std::span<const std::byte> page) {
  return XXH3_64bits(page.data(), page.size());
}

PageHashes hash_memory(std::uint64_t ram_base, std::span<const std::byte> ram) {
  PageHashes result{ram_base, {}};
  result.hashes.reserve(ram.size() / kHashedPageSize);
  for (; ram.size() >= kHashedPageSize; ram = ram.subspan(kHashedPageSize))
    result.hashes.push_back(hash_page(ram.first(kHashedPageSize)));
  return result;
}

PageHashes hash_of_zeros(std::uint64_t ram_base, std::uint64_t bytes) {
  static const std::array<std::byte, kHashedPageSize> zeros{};
  return {ram_base, std::vector<std::uint64_t>(bytes / kHashedPageSize, hash_page(zeros))};
}

void rehash(PageHashes& hashes, std::span<const std::byte> ram, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t end = std::min<std::uint64_t>(ram.size(), offset + length) / kHashedPageSize;
  for (std::uint64_t page = offset / kHashedPageSize; page < std::min(end, hashes.hashes.size()); ++page)
    hashes.hashes[page] = hash_page(ram.subspan(page * kHashedPageSize, kHashedPageSize));
}

Result<> write_page_hashes(const std::filesystem::path& file, const PageHashes& hashes) {
  Header header{{}, 1, kHashedPageSize, hashes.ram_base, hashes.hashes.size()};
  std::memcpy(header.magic, kMagic.data(), sizeof header.magic);
  std::string content(reinterpret_cast<const char*>(&header), sizeof header);
  content.append(reinterpret_cast<const char*>(hashes.hashes.data()),
                 hashes.hashes.size() * sizeof(std::uint64_t));
  return write_file(file, content);
}

Result<PageHashes> parse_page_hashes(std::string_view content) {
  Header header;
  if (content.size() < sizeof header) return Error::host("too short for page hashes");
  std::memcpy(&header, content.data(), sizeof header);
  content.remove_prefix(sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kMagic)
    return Error::host("not a file of page hashes");
  if (header.version != 1 || header.page_size != kHashedPageSize)
    return Error::host(fmt::format("page hashes of version {}, page size {}: only version 1 of {} is known",
                                   header.version, header.page_size, kHashedPageSize));
  if (header.pages != content.size() / sizeof(std::uint64_t) || content.size() % sizeof(std::uint64_t) != 0)
    return Error::host(fmt::format("truncated: the header says {} pages, {} bytes of hashes follow",
                                   header.pages, content.size()));
  PageHashes hashes{header.ram_base, std::vector<std::uint64_t>(header.pages)};
  if (!content.empty()) std::memcpy(hashes.hashes.data(), content.data(), content.size());
  return hashes;
}

Result<PageHashes> read_page_hashes(const std::filesystem::path& file) {
  auto hashes = parse_page_hashes(CP_TRY(read_file(file)));
  if (!hashes) return Error(std::move(hashes).error()).within(file.filename().string());
  return hashes;
}

}  // namespace crashpath
